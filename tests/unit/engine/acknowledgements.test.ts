import { describe, expect, test } from 'vitest';
import { parsePipeline } from '../../../engine/config/load.ts';
import type { CompiledTest } from '../../../engine/duckdb/run-test.ts';
import { createAcknowledgements } from '../../../engine/run/acknowledgements.ts';

/** The acknowledgements of a pipeline.yaml with these entries, one per line from line 12 on. */
function acknowledgementsOf(...entries: readonly string[]) {
  const text = `\
name: demo
default_target: sample
schema: schema.ts
targets:
  sample: { archive: sample }
models:
  bars:
    use: bars.ts
    needs: []
    tests: [{ not_null: { columns: [close], severity: warn, name: closes } }]
acknowledge:
${entries.map((entry) => `  - { ${entry} }\n`).join('')}`;
  const pipeline = parsePipeline(text, { file: '/project/pipeline.yaml', root: '/project' });
  return createAcknowledgements(pipeline, 'sample', { report() {}, close: async () => {} });
}

const node = { id: 'extract.files', kind: 'extract', name: 'files' } as const;

describe('a subject', () => {
  test.each([
    ['a.zip', 'a.zip', true],
    ['a.zip', 'abzip', false],
    ['a.zip', 'data/a.zip', false],
    ['a.zip', 'a.zip.CHECKSUM', false],
    ['data/*/a.zip', 'data/spot/daily/a.zip', true],
    ['*USDT*', '币安人生USDT', true],
    ['a*b*c', 'a-b', false],
    ['*', 'two\nlines', true],
    ['(a+)?', '(a+)?', true],
    ['(a+)?', 'aa', false],
  ])('%j matches %j: %s', (of, subject, isMatch) => {
    const acknowledgements = acknowledgementsOf(`warning: odd, of: "${of}", reason: known`);
    acknowledgements.warn(node, { kind: 'odd', subject, message: 'odd' });
    expect(acknowledgements.of(node.id)[0]?.acknowledged).toBe(isMatch ? 'known' : undefined);
  });

  test('of another kind of warning is not acknowledged', () => {
    const acknowledgements = acknowledgementsOf('warning: odd, of: "*", reason: known');
    acknowledgements.warn(node, { kind: 'late', subject: 'a', message: 'late' });
    expect(acknowledgements.of(node.id)).toEqual([{ kind: 'late', subject: 'a', message: 'late' }]);
  });
});

describe('a test', () => {
  test.each<[bound: string, value: number | null, rowsFailed: number, kind: 'within' | 'worse']>([
    ['min: 0.97', 0.97, 3, 'within'],
    ['min: 0.97', 0.969, 3, 'worse'],
    ['max: 2', 2, 2, 'within'],
    ['max: 2', 3, 3, 'worse'],
    ['min: 1, max: 2', 3, 3, 'worse'],
    ['min: 0, max_rows: 2', 1, 3, 'worse'],
    ['min: 0', null, 1, 'worse'],
    ['max_rows: 1', null, 1, 'within'],
  ])('with the bound %s, the value %s and %i failed rows is %s', (bound, value, rowsFailed, kind) => {
    const acknowledgements = acknowledgementsOf(`test: closes, ${bound}, reason: known`);
    const outcome = acknowledgements.ofTest({ test: { name: 'closes' } as CompiledTest, value, rowsFailed });
    expect(outcome).toEqual(kind === 'within' ? { kind, reason: 'known' } : { kind, place: 'pipeline.yaml:12:5' });
  });
});
