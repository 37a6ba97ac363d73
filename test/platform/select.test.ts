import { expect, test } from 'vitest';
import { LinuxRouteTable } from '../../src/platform/linux/route-table.ts';
import { ProcessRunner } from '../../src/platform/process.ts';
import { selectPlatform } from '../../src/platform/select.ts';

test('Linux has an adapter', () => {
  expect(selectPlatform(new ProcessRunner(), 'linux').routeTable).toBeInstanceOf(LinuxRouteTable);
});

test.each(['darwin', 'win32', 'freebsd'] as const)('%s is refused, with what works there', (system) => {
  expect(() => selectPlatform(new ProcessRunner(), system)).toThrow(
    expect.objectContaining({
      diagnostics: [
        expect.objectContaining({
          code: 'platform-unsupported',
          summary: expect.stringContaining(system),
          command: expect.stringContaining('--observed'),
        }),
      ],
    }),
  );
});
