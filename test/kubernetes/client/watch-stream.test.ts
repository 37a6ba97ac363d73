import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Intake, LineReader } from '../../../src/kubernetes/client/watch-stream.ts';

describe('LineReader', () => {
  it('gives the same lines however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\n', ''))),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        (lines, sizes) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          const reader = new LineReader();
          const found: string[] = [];
          for (let at = 0, index = 0; at < bytes.length; index++) {
            const end = at + (sizes[index % sizes.length] ?? 1);
            found.push(...reader.take(bytes.subarray(at, end)));
            at = end;
          }
          expect(found).toEqual(lines.filter((line) => line !== ''));
          expect(reader.isWithin).toBe(false);
        },
      ),
    );
  });

  it('knows whether it is within a line', () => {
    const reader = new LineReader();
    expect(reader.take(Buffer.from('a\nb'))).toEqual(['a']);
    expect(reader.isWithin).toBe(true);
  });

  it('takes no line that grows too long, in one piece or in several', () => {
    expect(() => new LineReader(4).take(Buffer.from('12345\n'))).toThrow('longer than 4 bytes');
    const reader = new LineReader(4);
    reader.take(Buffer.from('1234'));
    expect(() => reader.take(Buffer.from('5'))).toThrow('longer than 4 bytes');
  });
});

describe('Intake', () => {
  it('takes what a busy cluster sends at once, without a rest', () => {
    const intake = new Intake(0);
    expect(intake.take(9_000, 0)).toBe(0);
    expect(intake.take(1_000, 0)).toBe(0);
  });

  it('rests for as long as what came beyond that takes at a thousand lines a second', () => {
    const intake = new Intake(0);
    expect(intake.take(10_500, 0)).toBe(500);
    expect(intake.take(0, 500)).toBe(0);
    expect(intake.take(100, 500)).toBe(100);
  });

  it('earns the time that passes, and no more than it takes at once', () => {
    const intake = new Intake(0);
    expect(intake.take(10_000, 0)).toBe(0);
    expect(intake.take(3_000, 3_000)).toBe(0);
    expect(intake.take(10_001, 1_000_000)).toBe(1);
  });
});
