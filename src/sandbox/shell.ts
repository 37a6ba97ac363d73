import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { quote, sandboxEnvironment } from './files.ts';

/** What stands before the prompt of a shell in the sandbox. */
const MARK = '(mkplan sandbox) ';

/** A shell, and what it needs to say where it is. */
export interface Shell {
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
}

/** What a user's own start-up file may have set to something else: the sandbox without it is none. */
const KEPT = ['KUBECONFIG', 'MINIKUBE_HOME', 'XDG_STATE_HOME', 'PATH'];

/** Lines for sh(1) that are read after the user's own start-up file. */
function startUp(own: string, env: NodeJS.ProcessEnv, directory: string): string {
  const inside = sandboxEnvironment(env, directory);
  return [
    `if [ -r ${own} ]; then . ${own}; fi`,
    ...KEPT.map((name) => `export ${name}=${quote(inside[name] ?? '')}`),
    `PS1=${quote(MARK)}"\${PS1-}"`,
    '',
  ].join('\n');
}

const FISH = [
  // Asking for it loads it; a fish without one of its own has none to copy.
  'functions -q fish_prompt; and functions --copy fish_prompt mkplan_outer_prompt',
  `function fish_prompt; printf %s ${quote(MARK)}; functions -q mkplan_outer_prompt; and mkplan_outer_prompt; end`,
].join('; ');

/**
 * The user's shell ($SHELL, else /bin/sh) with a prompt that says that it is in the sandbox, whatever the user's own
 * start-up file makes of the prompt and of the environment. Writes into the sandbox's directory; throws what writing throws.
 */
export async function shellOf(env: NodeJS.ProcessEnv, directory: string): Promise<Shell> {
  const program = env['SHELL'] ?? '/bin/sh';
  const home = env['HOME'] ?? '/';
  const write = async (name: string, own: string): Promise<string> => {
    const file = join(directory, name);
    await writeFile(file, startUp(quote(own), env, directory), { mode: 0o600 });
    return file;
  };
  switch (basename(program)) {
    case 'bash':
      return { argv: [program, '--rcfile', await write('bashrc', join(home, '.bashrc'))], env: {} };
    case 'zsh': {
      await write('.zshrc', join(env['ZDOTDIR'] || home, '.zshrc'));
      return { argv: [program], env: { ZDOTDIR: directory } };
    }
    case 'fish': {
      const set = KEPT.map(
        (name) => `set -gx ${name} ${quote(sandboxEnvironment(env, directory)[name] ?? '')}`,
      );
      return { argv: [program, '--init-command', [FISH, ...set].join('; ')], env: {} };
    }
    case 'sh':
    case 'dash':
    case 'ash':
    case 'ksh':
    case 'mksh':
      // sh(1): ENV names what an interactive shell reads first. dash with job control would give the terminal back to
      // its process group from before, which is outside and so has no number in here, and fail at that.
      return { argv: [program, '+m'], env: { ENV: await write('shrc', env['ENV'] ?? '/nonexistent') } };
    default:
      return { argv: [program], env: {} };
  }
}
