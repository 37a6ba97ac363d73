import { existsSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeRequest, PROTOCOL_VERSION } from '../../src/helper/protocol.ts';
import type { Daemon } from '../cluster/daemon.ts';
import { requireNamespaces } from './netns.ts';
import { ALLOW, LARGE_SPEC, specOf } from './rig.ts';
import { PASSWORD, PATH, requireSudo, SudoRig, USER } from './sudo.ts';

const refused = requireNamespaces() ?? requireSudo();

const SPEC = specOf({ cidrs: ['10.96.0.0/12', '10.244.0.0/16'] });

describe.skipIf(refused !== null)(`an ordinary user${refused === null ? '' : `: ${refused}`}`, () => {
  let user: SudoRig;
  let before: string;

  beforeEach(async () => {
    user = await SudoRig.create();
    await user.write(SPEC);
    before = await user.rig.table();
  });

  afterEach(async () => {
    await user.rig.close();
  });

  /** Neither a route, nor a claim, nor an open transaction; and whoever comes next need not wait. */
  async function nothingChanged(): Promise<void> {
    expect(await user.rig.table()).toBe(before);
    const files = await user.stateFiles();
    expect(files.map(({ name }) => name)).not.toContain('registry.json');
    expect(files.filter(({ uid }) => uid !== user.uid)).toEqual([]);
    const planned = await user.mkplan('plan', user.spec);
    expect(planned.stdout).toContain('Plan: 2 to add');
    expect(planned.stderr).not.toContain('interrupted');
  }

  it('whom sudo lets run the helper without a password applies with one elevation, and keeps every file', async () => {
    await user.rules(user.withoutPassword);
    const applied = await user.apply();
    expect(applied.stderr + applied.stdout).toContain('Applied: 2 added');
    expect(applied.code).toBe(0);
    expect(await user.rig.ours()).toHaveLength(2);
    expect(await user.elevations()).toEqual([expect.stringContaining(`COMMAND=${user.node} ${user.helper}`)]);
    const files = await user.stateFiles();
    expect(files.map(({ name }) => name)).toContain('registry.json');
    expect(files.filter(({ uid }) => uid !== user.uid)).toEqual([]);
  });

  it('whom sudo refuses without a terminal is told so before anything is changed', async () => {
    await user.rules(`${USER} ALL=(root) ALL`);
    const applied = await user.apply();
    expect(applied.code).toBe(1);
    expect(applied.stderr).toMatch(/the rights to change routes were not given[\s\S]*fix +.*sudo/);
    await nothingChanged();
  });

  it('who may not use sudo at all is told so before anything is changed', async () => {
    await user.rules();
    const terminal = user.typeApply();
    terminal.type(`${PASSWORD}\n`);
    expect(await terminal.exit()).toBe(1);
    expect(terminal.output).toContain('the rights to change routes were not given');
    await nothingChanged();
  });

  describe.each(['use_pty', '!use_pty'])('asked for a password with %s', (pty) => {
    const rules = (...more: readonly string[]) =>
      user.rules(`Defaults ${['requiretty', pty, ...more].join(', ')}`, `${USER} ALL=(root) ALL`);

    it('applies with the right one, asked once, and is not asked while the ticket lasts', async () => {
      await rules();
      const first = user.typeApply();
      await first.sees(/password for/);
      first.type(`${PASSWORD}\n`);
      expect(await first.exit(), first.output).toBe(0);
      expect(first.output.match(/password for/g)).toHaveLength(1);
      expect(await user.rig.ours()).toHaveLength(2);
      expect(first.output).toMatch(/[^-]icanon[\s\S]*[^-]echo /);
      expect(await user.elevations()).toHaveLength(1);
    });

    it('is told so after three wrong ones, with nothing changed', async () => {
      await rules();
      const terminal = user.typeApply();
      let seen = 0;
      for (let attempt = 0; attempt < 3; attempt++) {
        seen = await terminal.sees(/password for/, seen);
        terminal.type('wrong\n');
      }
      expect(await terminal.exit(), terminal.output).toBe(1);
      expect(terminal.output).toContain('the rights to change routes were not given');
      expect(terminal.output).toMatch(/[^-]echo /);
      await nothingChanged();
    });

    it('stops at Ctrl-C with nothing changed and the terminal as it was', async () => {
      await rules();
      const terminal = user.typeApply();
      await terminal.sees(/password for/);
      terminal.type('\x03');
      expect(await terminal.exit(), terminal.output).toBe(130);
      expect(terminal.output).toMatch(/[^-]icanon[\s\S]*[^-]echo /);
      await nothingChanged();
    });

    it('asks again in the next session once the ticket has expired, and not before', async () => {
      await rules();
      const apply = ['apply', user.spec, ...ALLOW];
      const destroy = ['destroy', user.spec, '--auto-approve'];
      const terminal = user.typist(apply, destroy, apply);
      await terminal.sees(/password for/);
      terminal.type(`${PASSWORD}\n`);
      const applied = await terminal.sees(/ended 0/);
      terminal.type('\n');
      const destroyed = await terminal.sees(/ended 0/, applied);
      expect(terminal.output.slice(applied)).not.toContain('password for');
      await user.expire();
      terminal.type('\n');
      await terminal.sees(/password for/, destroyed);
      terminal.type(`${PASSWORD}\n`);
      expect(await terminal.exit(), terminal.output).toBe(0);
      expect(await user.elevations()).toHaveLength(3);
    });

    it('asks once where it first ends what was cut off, though no ticket ever lasts', async () => {
      await user.write(LARGE_SPEC);
      await user.rules(user.withoutPassword);
      await user.cutOff();
      const cutOff = (await user.elevations()).length;
      await rules('timestamp_timeout=0');
      const terminal = user.typist(['apply', user.spec]);
      await terminal.sees(/password for/);
      terminal.type(`${PASSWORD}\n`);
      await terminal.sees(/Only 'yes' will be accepted/);
      terminal.type('yes\n');
      expect(await terminal.exit(), terminal.output.slice(-2000)).toBe(0);
      expect(terminal.output).toMatch(/recovered/i);
      expect(terminal.output.match(/password for/g)).toHaveLength(1);
      expect((await user.elevations()).slice(cutOff)).toHaveLength(1);
      expect(await user.rig.ours()).toHaveLength(10_000);
    });

    it('rolls back at Ctrl-C while its routes are going in', async () => {
      await user.write(LARGE_SPEC);
      await rules();
      const { changing } = await user.rig.listen();
      const terminal = user.typeApply();
      await terminal.sees(/password for/);
      terminal.type(`${PASSWORD}\n`);
      await changing;
      terminal.type('\x03');
      expect(await terminal.exit(), terminal.output.slice(-2000)).toBe(130);
      expect(terminal.output).toContain('Rolled back');
      expect(terminal.output).toMatch(/[^-]icanon[\s\S]*[^-]echo /);
      expect(await user.rig.table()).toBe(before);
      expect(await user.elevations()).toHaveLength(1);
    });
  });

  describe.each(['use_pty', '!use_pty'])('whose apply has to be confirmed, with %s', (pty) => {
    /** Of mkplan itself: the shell and script(1) quote their words. */
    async function pidOfApply(): Promise<number> {
      const found = await user.rig.host.must(['pgrep', '-f', `main.js apply ${user.spec}`]);
      expect(found).toMatch(/^\d+\n$/);
      return Number(found);
    }

    it.each(['stays open', 'is closed'])(
      'and whose mkplan is killed while the terminal %s has it undone with the one password',
      async (terminalOf) => {
        // No ticket ever lasts: a second elevation would ask again, and nobody answers.
        await user.rules(`Defaults requiretty, ${pty}, timestamp_timeout=0`, `${USER} ALL=(root) ALL`);
        const terminal = user.typist(['apply', user.spec, ...ALLOW, '--confirm-within', '15s']);
        await terminal.sees(/password for/);
        terminal.type(`${PASSWORD}\n`);
        await terminal.sees(/keeps it/);
        expect(await user.rig.ours()).toHaveLength(2);
        process.kill(await pidOfApply(), 'SIGKILL');
        if (terminalOf === 'is closed') terminal.hangUp();
        await terminal.exit();
        await expect.poll(() => user.rig.table(), { timeout: 60_000, interval: 200 }).toBe(before);
        expect(terminal.output.match(/password for/g)).toHaveLength(1);
        expect(await user.elevations()).toHaveLength(1);
        await expect.poll(async () => (await user.mkplan('confirm')).code, { timeout: 60_000 }).toBe(5);
        await nothingChanged();
      },
    );
  });

  describe('whose helper is killed in a session', () => {
    const SERVICES = '10.96.0.0/12';

    async function watching(): Promise<Daemon> {
      await user.rules(user.withoutPassword);
      const session = user.startMkplan('watch', user.spec, ...ALLOW);
      await session.until('it serves', async () => (await user.rig.ours()).length === 2);
      await session.until('it rests', () => session.said.includes('Watching.'));
      return session;
    }

    it('gets another one by another elevation, and leaves nothing behind', async () => {
      const session = await watching();
      process.kill(await user.helperPid(), 'SIGKILL');
      await user.rig.ip('route', 'del', SERVICES);
      await session.until('the route is back', async () => (await user.rig.ours()).length === 2);
      expect(await user.elevations()).toHaveLength(2);
      session.signal('SIGTERM');
      expect(await session.exit(), session.said).toBe(0);
      expect(await user.rig.table()).toBe(before);
    });

    it('and whom sudo refuses another one is told so, and what is left, with the command that removes it', async () => {
      const session = await watching();
      await user.rules();
      process.kill(await user.helperPid(), 'SIGKILL');
      await user.rig.ip('route', 'del', SERVICES);
      await session.until('it says so', () =>
        session.said.includes('the rights to change routes were not given'),
      );
      session.signal('SIGTERM');
      expect(await session.exit(), session.said).toBe(6);
      expect(session.said).toContain('what this session made is there still: mkplan cleanup');
      await user.rules(user.withoutPassword);
      expect((await user.mkplan('cleanup', '--auto-approve')).code).toBe(0);
      expect(await user.rig.table()).toBe(before);
    });
  });

  it('cannot have root run what stands first in PATH, or what the environment names', async () => {
    await user.rules('Defaults !secure_path', user.withoutPassword);
    const proof = join(user.home, 'proof');
    const fakes = join(user.home, 'bin');
    await mkdir(fakes);
    for (const program of ['ip', 'flock', 'sh', 'env']) {
      const real = await user.rig.host.must(['sh', '-c', `command -v ${program}`]);
      const script = `#!/bin/sh\n/usr/bin/id -u >>${proof}\nexec ${real.trim()} "$@"\n`;
      await writeFile(join(fakes, program), script, { mode: 0o755 });
    }
    const evil = join(user.home, 'evil.cjs');
    await writeFile(evil, `require('node:fs').appendFileSync('${proof}', process.getuid() + '\\n')`);
    await user.giveToUser(user.home);
    const env = {
      PATH: `${fakes}:${PATH}`,
      NODE_OPTIONS: `--require ${evil}`,
      LD_PRELOAD: '/nonexistent.so',
    };
    const applied = await user.mkplanWith(env, 'apply', user.spec, ...ALLOW);
    expect(applied, applied.stderr).toMatchObject({ code: 0 });
    const seen = new Set((await readFile(proof, 'utf8')).trim().split('\n'));
    expect(seen).toEqual(new Set([String(user.uid)]));
  });

  it('who has doas and no sudo is told so by name, with nothing changed', async () => {
    const programs = join(user.home, 'bin');
    await mkdir(programs);
    for (const program of ['ip', 'flock']) {
      const real = (await user.rig.host.must(['sh', '-c', `command -v ${program}`])).trim();
      await symlink(real, join(programs, program));
    }
    await writeFile(join(programs, 'doas'), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 });
    await user.giveToUser(user.home);
    const applied = await user.mkplanWith({ PATH: programs }, 'apply', user.spec, ...ALLOW);
    expect(applied.code).toBe(1);
    expect(applied.stderr).toMatch(
      /sudo is not installed \[sudo-missing\][\s\S]*cannot use doas in its place/,
    );
    await nothingChanged();
  });

  describe('who could write the helper’s code', () => {
    const expose = () => user.giveToUser(user.app);

    it('is refused where sudo lets it run without a password, with nothing changed', async () => {
      await user.rules(user.withoutPassword);
      await expose();
      const applied = await user.apply();
      expect(applied.code).toBe(1);
      expect(applied.stderr).toMatch(
        /sudo lets mkplan-user run it without a password, and .* can be written/,
      );
      await nothingChanged();
    });

    it('is refused at a terminal too, where sudo serves no program that has none', async () => {
      await user.rules('Defaults requiretty', user.withoutPassword);
      await expose();
      const terminal = user.typeApply();
      expect(await terminal.exit(), terminal.output).toBe(1);
      expect(terminal.output).toContain('run it without a password, and');
      await nothingChanged();
      expect(await user.elevations()).toHaveLength(1);
    });

    it('is served with a password, and logged once', async () => {
      await user.rules(`${USER} ALL=(root) ALL`);
      await expose();
      const terminal = user.typeApply();
      await terminal.sees(/password for/);
      terminal.type(`${PASSWORD}\n`);
      expect(await terminal.exit(), terminal.output).toBe(0);
      expect(await user.elevations()).toHaveLength(1);
    });

    it('is served where sudo lets everything run without a password', async () => {
      await user.rules(`${USER} ALL=(root) NOPASSWD: ALL`);
      await expose();
      expect(await user.apply()).toMatchObject({ code: 0 });
    });
  });

  describe('whom a rule without a password leads to root’s helper', () => {
    /** Lays links in a directory of the user's and in one of root's, and says what the helper answers. */
    async function answers(rule: string, ...argv: readonly string[]): Promise<string> {
      const lock = join(user.home, 'by-hand.lock');
      await writeFile(lock, '');
      for (const of of ['tools', 'opt']) {
        await mkdir(join(user.rig.directory, of));
        await symlink(user.app, join(user.rig.directory, of, 'mkplan'));
        await symlink(user.node, join(user.rig.directory, of, 'node'));
      }
      await symlink(join(user.rig.directory, 'tools/mkplan'), join(user.rig.directory, 'opt/chain'));
      for (const path of [lock, join(user.rig.directory, 'tools')]) await user.giveToUser(path);
      const filled = (text: string) =>
        text
          .replaceAll(/\bNODE\b/g, user.node)
          .replaceAll('HELPER', user.helper)
          .replaceAll('@', user.rig.directory);
      const [settings, ...defaults] = rule.split('; ').reverse();
      await user.rules(...defaults.map(filled), `${USER} ALL=(root) ${filled(settings ?? '')}`);
      const call = user.asUser('sudo', '-n', ...argv.map(filled), '--lock', lock);
      const { stdout, stderr } = await user.rig.host.run(call, {
        input: encodeRequest({ type: 'hello', version: PROTOCOL_VERSION }),
      });
      return stdout + stderr;
    }

    it.each<[string, string, readonly string[]]>([
      ['directly', 'NOPASSWD: NODE HELPER *', ['NODE', 'HELPER']],
      [
        'through links of root',
        'NOPASSWD: @/opt/node @/opt/mkplan/dist/helper.js *',
        ['@/opt/node', '@/opt/mkplan/dist/helper.js'],
      ],
      ['by a pattern', 'NOPASSWD: NODE @/opt/*/dist/helper.js *', ['NODE', '@/opt/mkplan/dist/helper.js']],
    ])('%s is served', async (_, rule, argv) => {
      expect(await answers(rule, ...argv)).toContain('"type":"hello"');
    });

    it.each<[string, string, readonly string[], RegExp]>([
      [
        'through a link of the user',
        'NOPASSWD: NODE @/tools/mkplan/dist/helper.js *',
        ['NODE', '@/tools/mkplan/dist/helper.js'],
        /tools can be written/,
      ],
      [
        'through root’s link to one',
        'NOPASSWD: NODE @/opt/chain/dist/helper.js *',
        ['NODE', '@/opt/chain/dist/helper.js'],
        /tools can be written/,
      ],
      [
        'by a pattern that matches one',
        'NOPASSWD: NODE @/*/mkplan/dist/helper.js *',
        ['NODE', '@/tools/mkplan/dist/helper.js'],
        /tools can be written/,
      ],
      [
        'through a link to Node',
        'NOPASSWD: @/tools/node HELPER *',
        ['@/tools/node', 'HELPER'],
        /tools can be written/,
      ],
      [
        'through a link to Node, called without it',
        'NOPASSWD: @/tools/node HELPER *',
        ['NODE', 'HELPER'],
        /tools can be written/,
      ],
      ['with SETENV', 'NOPASSWD: SETENV: NODE HELPER *', ['NODE', 'HELPER'], /NODE_OPTIONS may be passed/],
      [
        'with NODE_OPTIONS kept',
        `Defaults:${USER} env_keep+="NODE_OPTIONS"; NOPASSWD: NODE HELPER *`,
        ['NODE', 'HELPER'],
        /NODE_OPTIONS may be passed/,
      ],
      [
        'by a default for the user',
        `Defaults:${USER} !authenticate; NODE @/tools/mkplan/dist/helper.js *`,
        ['NODE', '@/tools/mkplan/dist/helper.js'],
        /tools can be written/,
      ],
      [
        'by a default for the command',
        `Defaults!@/node !authenticate; NODE @/tools/mkplan/dist/helper.js *`,
        ['NODE', '@/tools/mkplan/dist/helper.js'],
        /tools can be written/,
      ],
    ])('%s is refused', async (_, rule, argv, why) => {
      const answer = await answers(rule, ...argv);
      expect(answer).toMatch(why);
      expect(answer).not.toContain('"type":"hello"');
    });
  });

  it('is told not to start mkplan by sudo, and nothing becomes of it', async () => {
    await user.rules(`${USER} ALL=(root) NOPASSWD: ALL`);
    const started = await user.sudo('apply', user.spec, ...ALLOW);
    expect(started.code).toBe(1);
    expect(started.stderr).toContain('mkplan does not run under sudo');
    expect(started.stderr).toMatch(/fix +run the same command without sudo/);
    expect(await user.rig.table()).toBe(before);
    expect(existsSync(user.state)).toBe(false);
  });
});
