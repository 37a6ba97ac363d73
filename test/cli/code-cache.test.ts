import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { codeDirectory, codeFile, readCode, writeCode } from '../../src/cli/code-cache.ts';

const CODE = Buffer.from('code that V8 would believe'.repeat(100));
const MODE_BITS = 0o777;

/** Only root can give a file away. */
const isRoot = process.geteuid?.() === 0;
const SOMEBODY = 65_533;

let scratch: string;
let directory: string;
let file: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'mkplan-code-'));
  directory = join(scratch, 'cache', 'mkplan');
  file = codeFile(directory, ['plan']);
});
afterEach(() => {
  rmSync(scratch, { recursive: true });
});

const keep = (code: Buffer = CODE, path = file) => writeCode(path, () => code);

describe('where compiled code is kept', () => {
  it.each([
    [{ XDG_CACHE_HOME: '/var/cache', HOME: '/home/dev' }, 'linux', '/var/cache/mkplan'],
    [{ XDG_CACHE_HOME: 'relative', HOME: '/home/dev' }, 'linux', '/home/dev/.cache/mkplan'],
    [{ XDG_CACHE_HOME: './here', HOME: '/home/dev' }, 'linux', '/home/dev/.cache/mkplan'],
    [{ XDG_CACHE_HOME: '', HOME: '/home/dev' }, 'linux', '/home/dev/.cache/mkplan'],
    [{ HOME: '/home/dev' }, 'linux', '/home/dev/.cache/mkplan'],
    [{ HOME: '' }, 'linux', null],
    [{ HOME: 'dev' }, 'linux', null],
    [{}, 'linux', null],
    [{ XDG_CACHE_HOME: 'relative' }, 'linux', null],
    [{ HOME: '/Users/dev' }, 'darwin', '/Users/dev/Library/Caches/mkplan'],
    [{ XDG_CACHE_HOME: '/tmp/c', HOME: '/Users/dev' }, 'darwin', '/tmp/c/mkplan'],
    [
      { LOCALAPPDATA: 'C:\\Users\\dev\\AppData\\Local' },
      'win32',
      'C:\\Users\\dev\\AppData\\Local\\mkplan\\cache',
    ],
    [{ HOME: '/home/dev' }, 'win32', null],
    [{ LOCALAPPDATA: '' }, 'win32', null],
  ])('for %j on %s is %s', (env, platform, expected) => {
    expect(codeDirectory(env, platform)).toBe(expected);
  });

  it('has another name for every part of what the code was made of', () => {
    const names = [['a', 'b'], ['ab'], ['a', ['b']], ['a'], [null, 'a'], [1], ['1']].map((madeOf) =>
      codeFile(directory, madeOf),
    );
    expect(new Set(names).size).toBe(names.length);
    expect(codeFile(directory, ['a', 'b'])).toBe(names[0]);
  });
});

describe('code that is kept', () => {
  it('comes back as it was, from a directory that is its owner’s alone', () => {
    expect(readCode(file)).toBeUndefined();
    keep();
    expect(readCode(file)).toEqual(CODE);
    expect(lstatSync(directory).mode & MODE_BITS).toBe(0o700);
    expect(lstatSync(file).mode & MODE_BITS).toBe(0o600);
    expect(readdirSync(directory)).toHaveLength(1);
  });

  it('replaces what was kept before', () => {
    keep();
    keep(Buffer.from('newer'));
    expect(readCode(file)).toEqual(Buffer.from('newer'));
    expect(readdirSync(directory)).toHaveLength(1);
  });

  it('is not made where there is no place for it', () => {
    writeFileSync(join(scratch, 'cache'), 'a file');
    writeCode(file, () => expect.unreachable());
    expect(readCode(file)).toBeUndefined();
    expect(readFileSync(join(scratch, 'cache'), 'utf8')).toBe('a file');
  });

  it('leaves nothing behind when it cannot be made', () => {
    writeCode(file, () => {
      throw new Error('out of memory');
    });
    expect(readdirSync(directory)).toEqual([]);
  });

  it('is bounded in number: the oldest go, drafts of killed writers too, and nothing else does', () => {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (let age = 1; age <= 40; age += 1) {
      const old = `${codeFile(directory, [age])}${age % 2 === 0 ? '.0123456789ab' : ''}`;
      writeFileSync(old, 'old');
      utimesSync(old, 1_000_000 - age, 1_000_000 - age);
    }
    for (const name of ['notes.txt', 'a.code', `${'0'.repeat(64)}.code.txt`]) {
      writeFileSync(join(directory, name), 'foreign');
      utimesSync(join(directory, name), 1, 1);
    }
    keep();
    const left = readdirSync(directory);
    expect(left).toHaveLength(16 + 3);
    expect(left).toEqual(expect.arrayContaining(['notes.txt', 'a.code', `${'0'.repeat(64)}.code.txt`]));
    expect(existsSync(codeFile(directory, [1]))).toBe(true);
    expect(existsSync(codeFile(directory, [39]))).toBe(false);
    expect(readCode(file)).toEqual(CODE);
  });
});

/** What may stand where the code should: each costs time, and is put right by the next that is kept. */
const DAMAGES: readonly [string, () => void][] = [
  ['empty', () => truncateSync(file, 0)],
  ['cut inside its hash', () => truncateSync(file, 31)],
  ['cut after its hash', () => truncateSync(file, 32)],
  ['half as long', () => truncateSync(file, 32 + CODE.length / 2)],
  ['a byte short', () => truncateSync(file, 31 + CODE.length)],
  ['a byte longer', () => appendFileSync(file, 'x')],
  ['longer than any code', () => truncateSync(file, 16 * 1024 * 1024 + 1)],
  ...[0, 31, 32, 33, 32 + CODE.length / 2, 31 + CODE.length].map((at): [string, () => void] => [
    `with a bit flipped at ${at}`,
    () => {
      const content = readFileSync(file);
      content.writeUInt8(content.readUInt8(at) ^ 0x10, at);
      writeFileSync(file, content);
    },
  ]),
  [
    'that of another program',
    () => {
      const other = codeFile(directory, ['another']);
      keep(CODE, other);
      renameSync(other, file);
    },
  ],
  ['writable by a group', () => chmodSync(file, 0o620)],
  ['writable by all', () => chmodSync(file, 0o666)],
  [
    'a symbolic link to good code',
    () => {
      renameSync(file, join(scratch, 'good'));
      symlinkSync(join(scratch, 'good'), file);
    },
  ],
  [
    'a symbolic link to nowhere',
    () => {
      rmSync(file);
      symlinkSync(join(scratch, 'nowhere'), file);
    },
  ],
  [
    'a pipe that nobody writes to',
    () => {
      rmSync(file);
      execFileSync('mkfifo', [file]);
    },
  ],
];

describe('code that is not as it was left', () => {
  it.each(DAMAGES)('%s is not taken, and is replaced', (_, damage) => {
    keep();
    damage();
    expect(readCode(file)).toBeUndefined();
    keep();
    expect(readCode(file)).toEqual(CODE);
    expect(existsSync(join(scratch, 'nowhere'))).toBe(false);
  });

  it.skipIf(!isRoot)('another user’s is not taken, and is replaced', () => {
    keep();
    chownSync(file, SOMEBODY, SOMEBODY);
    expect(readCode(file)).toBeUndefined();
    keep();
    expect(readCode(file)).toEqual(CODE);
  });

  it('a directory in its place is left alone', () => {
    mkdirSync(file, { recursive: true, mode: 0o700 });
    expect(readCode(file)).toBeUndefined();
    keep();
    expect(lstatSync(file).isDirectory()).toBe(true);
    expect(readdirSync(directory)).toHaveLength(1);
  });
});

describe('the directory of compiled code', () => {
  const isPassedOver = () => {
    const before = readdirSync(directory);
    expect(readCode(file)).toBeUndefined();
    writeCode(file, () => expect.unreachable());
    expect(readdirSync(directory)).toEqual(before);
  };

  it('is not used through a symbolic link', () => {
    keep();
    renameSync(directory, join(scratch, 'elsewhere'));
    symlinkSync(join(scratch, 'elsewhere'), directory);
    isPassedOver();
  });

  it('may lie below one: a home is often elsewhere', () => {
    mkdirSync(join(scratch, 'disk'));
    symlinkSync(join(scratch, 'disk'), join(scratch, 'cache'));
    keep();
    expect(readCode(file)).toEqual(CODE);
  });

  it.each([0o770, 0o707, 0o777])('is not used where others can write to it (%o)', (mode) => {
    keep();
    chmodSync(directory, mode);
    isPassedOver();
  });

  it.skipIf(!isRoot)('is not used where it is another user’s', () => {
    keep();
    chownSync(directory, SOMEBODY, SOMEBODY);
    isPassedOver();
  });

  it('may hold a second name of the code', () => {
    keep();
    linkSync(file, codeFile(directory, ['linked']));
    expect(readCode(file)).toEqual(CODE);
    expect(readCode(codeFile(directory, ['linked']))).toBeUndefined();
  });
});
