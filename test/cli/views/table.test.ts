import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alignColumns, type Column } from '../../../src/cli/views/table.ts';
import { displayWidth } from '../../../src/cli/views/text.ts';

const COLUMNS: readonly Column[] = [{}, { drops: 2 }, { drops: 1 }, { wraps: true }];
const ROWS = [
  ['+ 10.96.0.0/12', 'via 192.168.39.10', 'dev virbr1', 'the network of ServiceCIDR kubernetes'],
  ['+ 10.200.0.10/32', 'via 192.168.39.10', 'dev virbr1', 'Service default/nginx'],
];

function laid(width: number | null): string {
  return `\n${alignColumns(ROWS, { width, columns: COLUMNS }).join('\n')}\n`;
}

describe('a table', () => {
  it.each([null, 120])('of %s columns is as wide as it needs to be', (width) => {
    expect(laid(width)).toBe(`
+ 10.96.0.0/12    via 192.168.39.10  dev virbr1  the network of ServiceCIDR kubernetes
+ 10.200.0.10/32  via 192.168.39.10  dev virbr1  Service default/nginx
`);
  });

  it('wraps free text under its own column', () => {
    expect(laid(80)).toBe(`
+ 10.96.0.0/12    via 192.168.39.10  dev virbr1  the network of ServiceCIDR
                                                 kubernetes
+ 10.200.0.10/32  via 192.168.39.10  dev virbr1  Service default/nginx
`);
  });

  it('leaves out optional columns in their order before its text gets too narrow', () => {
    expect(laid(60)).toBe(`
+ 10.96.0.0/12    via 192.168.39.10  the network of
                                     ServiceCIDR kubernetes
+ 10.200.0.10/32  via 192.168.39.10  Service default/nginx
`);
    expect(laid(40)).toBe(`
+ 10.96.0.0/12    the network of
                  ServiceCIDR kubernetes
+ 10.200.0.10/32  Service default/nginx
`);
  });

  it('puts text below its row where there is no room beside it, and only then shortens names', () => {
    const rows = [['default/a-service-with-a-long-name', '10.200.0.1', 'it asks for this address']];
    const columns = [{}, {}, { wraps: true }] as const;
    const at = (width: number) => alignColumns(rows, { width, columns }).join('\n');
    expect(at(60)).toBe('default/a-service-with-a-long-name  10.200.0.1\n    it asks for this address');
    expect(at(40)).toBe('default/a-serv…h-a-long-name  10.200.0.1\n    it asks for this address');
  });

  it('counts wide characters as two columns, and keeps the next column straight', () => {
    const lines = alignColumns([
      ['名前', 'x'],
      ['name', 'y'],
    ]);
    expect(lines).toEqual(['名前  x', 'name  y']);
  });

  it('paints each line of a wrapped cell, and nothing of the padding', () => {
    const rows = [['a', { text: 'one two three four five six', paint: (text: string) => `<${text}>` }]];
    const lines = alignColumns(rows, { width: 24, columns: [{}, { wraps: true }] });
    expect(lines).toEqual(['a  <one two three four>', '   <five six>']);
  });

  const words = fc
    .array(
      fc.oneof(
        fc.stringMatching(/^[a-z0-9./:-]{1,30}$/),
        fc.constantFrom('名前', '🦊', 'e\u0301', 'default/nginx'),
      ),
      { minLength: 0, maxLength: 6 },
    )
    .map((list) => list.join(' '));
  const tables = fc.array(fc.tuple(words, words, words, words), { minLength: 1, maxLength: 5 });

  it('is never wider than the terminal', () => {
    fc.assert(
      fc.property(tables, fc.constantFrom(40, 60, 80, 120), (rows, width) => {
        for (const line of alignColumns(rows, { width, columns: COLUMNS })) {
          expect(displayWidth(line)).toBeLessThanOrEqual(width);
        }
      }),
    );
  });

  it('has every value whole, on a line of its own row, where there is no terminal', () => {
    fc.assert(
      fc.property(tables, (rows) => {
        const lines = alignColumns(rows, { width: null, columns: COLUMNS });
        expect(lines).toHaveLength(rows.length);
        rows.forEach((row, index) => {
          for (const value of row) expect(lines[index]).toContain(value);
        });
      }),
    );
  });

  it('loses no word of its free text at any width', () => {
    fc.assert(
      fc.property(tables, fc.integer({ min: 40, max: 120 }), (rows, width) => {
        const text = alignColumns(rows, { width, columns: COLUMNS }).join('').replaceAll(/\s/g, '');
        for (const [, , , last] of rows) {
          for (const word of last.split(' ')) if (word.length <= 16) expect(text).toContain(word);
        }
      }),
    );
  });
});
