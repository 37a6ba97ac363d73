import { Failure, messageOf } from '../model/diagnostic.ts';

/** The directory that relative paths begin at. Throws a Failure where it was removed. */
export function workingDirectory(): string {
  try {
    return process.cwd();
  } catch (thrown) {
    throw new Failure(
      'error',
      [
        {
          code: 'working-directory',
          severity: 'error',
          summary: 'the working directory does not exist any more',
          cause: messageOf(thrown),
          fix: 'Change to a directory that exists, and run the command again.',
          command: 'cd',
        },
      ],
      { cause: thrown },
    );
  }
}
