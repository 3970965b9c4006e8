import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadPipeline, parsePipeline } from '../../../engine/config/load.ts';
import { formatError, PipelineError } from '../../../engine/errors.ts';

const sound = `name: demo
default_target: sample
schema: models/schema.ts
targets:
  sample: { archive: sample, as_of: 2025-07-10T09:00:00Z, synthetic: true }
vars:
  collect: { type: boolean, default: true }
  days: { type: integer, default: 30, min: 0 }
extracts:
  listing:
    use: extract/listing.ts
    writes: [objects]
models:
  bars:
    use: models/bars.ts
    needs: [objects]
    when: collect
    looks_back: 30 days
    tests:
      - unique: [symbol, date]
      - custom: { use: tests/data/dense.ts }
  ranks:
    use: models/ranks.ts
    needs: [bars]
exports:
  ranks: { model: ranks, format: parquet, order_by: [date] }
`;

const parse = (text: string) => parsePipeline(text, { file: 'pipeline.yaml', root: '/project' });

function errorOf(text: string): PipelineError {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof PipelineError) return error;
    throw error;
  }
  throw new Error('the text was accepted');
}

/** The valid text with one passage changed, so that a case shows only its own fault. */
function changed(from: string, to: string): string {
  if (!sound.includes(from)) throw new Error(`no ${from} in the valid text`);
  return sound.replace(from, to);
}

describe('a valid pipeline.yaml', () => {
  test('is read with defaults, durations in ms and tests under their type', () => {
    const { spec } = parse(sound);
    expect(spec.models.bars).toEqual({
      use: 'models/bars.ts',
      needs: ['objects'],
      when: 'collect',
      looks_back: 30 * 86_400_000,
      tags: [],
      tests: [
        { type: 'unique', columns: ['symbol', 'date'], severity: 'error', tags: [] },
        { type: 'custom', use: 'tests/data/dense.ts', severity: 'error', tags: [] },
      ],
    });
    expect(spec.extracts.listing).toEqual({
      use: 'extract/listing.ts',
      writes: ['objects'],
      needs: [],
      tags: [],
      with: {},
    });
    expect(spec.targets.sample?.as_of).toBe('2025-07-10T09:00:00Z');
  });

  test('has a position for each value: a scalar and a list item at itself, a map and a list at its key', () => {
    const { at } = parse(sound);
    expect(at(['models', 'bars'])).toEqual({ line: 14, column: 3 });
    expect(at(['models', 'bars', 'use'])).toEqual({ line: 15, column: 10 });
    expect(at(['models', 'bars', 'needs'])).toEqual({ line: 16, column: 5 });
    expect(at(['models', 'bars', 'needs', 0])).toEqual({ line: 16, column: 13 });
    expect(at(['models', 'bars', 'tests', 1])).toEqual({ line: 21, column: 9 });
    expect(at(['exports', 'ranks'])).toEqual({ line: 26, column: 3 });
    expect(at(['models', 'bars', 'no such key', 'below'])).toEqual({ line: 14, column: 3 });
  });

  test('may give a seed by its path alone', () => {
    const { spec } = parse(
      changed('models:', 'seeds:\n  rates: seeds/rates.csv\n  fees: { file: seeds/fees.csv, group: money }\nmodels:'),
    );
    expect(spec.seeds).toEqual({
      rates: { file: 'seeds/rates.csv', tags: [] },
      fees: { file: 'seeds/fees.csv', group: 'money', tags: [] },
    });
  });

  test('is the one of this repository', async () => {
    const { spec } = parse(await readFile('pipeline.yaml', 'utf8'));
    expect(Object.keys(spec.models)).toEqual([
      'ohlcv',
      'symbols',
      'ohlcv_units',
      'conflicts',
      'gaps',
      'listed_spans',
      'daily_availability',
      'volume_rankings',
    ]);
  });

  test('may use anchors, and values behind an alias have a position', () => {
    const text = changed('needs: [bars]', 'needs: *inputs').replace('needs: [objects]', 'needs: &inputs [objects]');
    const { spec, at } = parse(text);
    expect(spec.models.ranks?.needs).toEqual(['objects']);
    expect(at(['models', 'ranks', 'needs', 0])).toEqual({ line: 16, column: 21 });
  });
});

const acknowledgements = [
  [
    'neither a warning nor a test',
    'reason: known',
    'error [CONFIG_INVALID] pipeline.yaml:26:5: `acknowledge[0]` must have `warning` and `of`, or `test` and a bound: `min`, `max` or `max_rows`, not `{ reason: known }`\n  key: acknowledge[0]',
  ],
  [
    'a warning without its subject',
    'warning: odd, reason: known',
    'error [CONFIG_INVALID] pipeline.yaml:26:5: `acknowledge[0]` must have `warning` and `of`, or `test` and a bound: `min`, `max` or `max_rows`, not `{ warning: odd, reason: known }`\n  key: acknowledge[0]',
  ],
  [
    'a test without a bound',
    'test: dense, reason: known',
    'error [CONFIG_INVALID] pipeline.yaml:26:5: `acknowledge[0]` must have `warning` and `of`, or `test` and a bound: `min`, `max` or `max_rows`, not `{ test: dense, reason: known }`\n  key: acknowledge[0]',
  ],
  [
    'no reason',
    'warning: odd, of: x',
    'error [CONFIG_INVALID] pipeline.yaml:26:5: `reason` is missing in acknowledge[0]\n  key: acknowledge[0].reason',
  ],
  [
    'a misspelled test',
    'test: dens, max_rows: 3, reason: known',
    'error [CONFIG_REFERENCE] pipeline.yaml:26:13: there is no test `dens`\n  key: acknowledge[0].test\n  next: did you mean dense?',
  ],
  [
    'a test that never warns',
    'test: dense, max_rows: 3, reason: known',
    'error [CONFIG_INVALID] pipeline.yaml:26:13: the test `dense` never warns\n  key: acknowledge[0].test\n  next: failures cannot be acknowledged: give the test `severity: warn`',
  ],
  [
    'a misspelled target',
    'warning: odd, of: x, targets: [sampel], reason: known',
    'error [CONFIG_REFERENCE] pipeline.yaml:26:38: there is no target `sampel`\n  key: acknowledge[0].targets[0]\n  next: did you mean sample?',
  ],
].map(([what = '', entry = '', message = '']): [string, string, string, string] => [
  `an acknowledgement with ${what}`,
  'exports:\n',
  `acknowledge:\n  - { ${entry} }\nexports:\n`,
  message,
]);

const cases: readonly [fault: string, from: string, to: string, message: string][] = [
  [
    'a syntax error',
    'needs: [objects]',
    'needs: [objects',
    `error [CONFIG_SYNTAX] pipeline.yaml:17:5: Flow sequence in block collection must be sufficiently indented and end with a ]: \`when: collect\``,
  ],
  [
    'an alias without an anchor',
    'needs: [objects]',
    'needs: *inputs',
    'error [CONFIG_SYNTAX] pipeline.yaml:16:12: no anchor for the alias `*inputs`',
  ],
  [
    'an unknown tag',
    'use: models/bars.ts',
    'use: !file models/bars.ts',
    'error [CONFIG_SYNTAX] pipeline.yaml:15:10: Unresolved tag: !file: `!file models/bars.ts`',
  ],
  [
    'a name twice in one map',
    'needs: [bars]',
    'needs: [bars]\n    use: models/bars.ts',
    'error [CONFIG_INVALID] pipeline.yaml:25:5: duplicate key `use`',
  ],
  [
    'an unknown key at the top',
    'vars:',
    'var:',
    'error [CONFIG_INVALID] pipeline.yaml:6:1: unknown key `var`\n  key: var\n  next: did you mean vars?',
  ],
  [
    'an unknown key of a model',
    'looks_back:',
    'look_back:',
    'error [CONFIG_INVALID] pipeline.yaml:18:5: unknown key `look_back` in models.bars\n  key: models.bars.look_back\n  next: did you mean looks_back?',
  ],
  [
    'an unknown key that resembles no known one',
    'archive: sample,',
    'archive: sample, compression: zip,',
    'error [CONFIG_INVALID] pipeline.yaml:5:30: unknown key `compression` in targets.sample\n  key: targets.sample.compression\n  next: known keys: archive, listing, as_of, ask_above, synthetic, vars',
  ],
  [
    'an unknown type of test',
    'unique: [symbol, date]',
    'uniqe: [symbol, date]',
    'error [CONFIG_INVALID] pipeline.yaml:20:9: unknown key `uniqe` in models.bars.tests[0]\n  key: models.bars.tests[0].uniqe\n  next: did you mean unique?',
  ],
  [
    'an unknown option of a test',
    'custom: { use: tests/data/dense.ts }',
    'not_null: { columns: [date], severty: warn }',
    'error [CONFIG_INVALID] pipeline.yaml:21:38: unknown key `severty` in models.bars.tests[1].not_null\n  key: models.bars.tests[1].not_null.severty\n  next: did you mean severity?',
  ],
  [
    'a comma that ends an unquoted text',
    'custom: { use: tests/data/dense.ts }',
    'expression: { name: sense, expect: low <= least(open, close) }',
    'error [CONFIG_INVALID] pipeline.yaml:21:63: unknown key `close)` in models.bars.tests[1].expression\n  key: models.bars.tests[1].expression.close)\n  next: inside { } a comma ends an unquoted text: quote it',
  ],
  [
    'two types in one test',
    'unique: [symbol, date]',
    '{ unique: [symbol], not_null: [date] }',
    'error [CONFIG_INVALID] pipeline.yaml:20:9: `tests[0]` must be a map with one key, the type of the test, not `{ unique: [symbol], not_null: [date] }`\n  key: models.bars.tests[0]',
  ],
  [
    'a wrong type',
    'needs: [objects]',
    'needs: objects',
    'error [CONFIG_INVALID] pipeline.yaml:16:12: `needs` must be a list, not `objects`\n  key: models.bars.needs',
  ],
  [
    'a wrong type where two would do',
    'unique: [symbol, date]',
    'unique: symbol',
    'error [CONFIG_INVALID] pipeline.yaml:20:17: `unique` must be a list or a map, not `symbol`\n  key: models.bars.tests[0].unique',
  ],
  [
    'a wrong type in a list',
    'unique: [symbol, date]',
    'unique: [symbol, 3]',
    'error [CONFIG_INVALID] pipeline.yaml:20:26: `unique[1]` must be a string, not `3`\n  key: models.bars.tests[0].unique[1]',
  ],
  [
    'an empty section',
    'targets:\n  sample: { archive: sample, as_of: 2025-07-10T09:00:00Z, synthetic: true }',
    'targets:',
    'error [CONFIG_INVALID] pipeline.yaml:4:1: `targets` must be a map, but is empty\n  key: targets',
  ],
  [
    'a size without a unit',
    'as_of: 2025-07-10T09:00:00Z',
    'ask_above: 1000',
    'error [CONFIG_INVALID] pipeline.yaml:5:41: `ask_above` must be a string, not `1000`\n  key: targets.sample.ask_above',
  ],
  [
    'a size in an unknown unit',
    'as_of: 2025-07-10T09:00:00Z',
    'ask_above: 1 GO',
    'error [CONFIG_INVALID] pipeline.yaml:5:41: `ask_above` must be a size such as `1 GB` or `500 MB`, not `1 GO`\n  key: targets.sample.ask_above',
  ],
  [
    'a missing key',
    '    use: models/ranks.ts\n',
    '',
    'error [CONFIG_INVALID] pipeline.yaml:22:3: `use` is missing in models.ranks\n  key: models.ranks.use',
  ],
  [
    'a value that is not in the list',
    'format: parquet',
    'format: parqet',
    'error [CONFIG_INVALID] pipeline.yaml:26:34: `format` must be parquet, not `parqet`\n  key: exports.ranks.format\n  next: did you mean parquet?',
  ],
  [
    'an invalid name',
    '  ranks:\n    use',
    '  Ranks-2:\n    use',
    'error [CONFIG_INVALID] pipeline.yaml:22:3: `Ranks-2` must be a name: lower-case letters, digits and _, starting with a letter, not `Ranks-2`\n  key: models.Ranks-2',
  ],
  [
    'an invalid duration',
    'looks_back: 30 days',
    'looks_back: 30 moons',
    'error [CONFIG_INVALID] pipeline.yaml:18:17: `looks_back` must be a duration such as `30 days` or `12 hours`, not `30 moons`\n  key: models.bars.looks_back',
  ],
  [
    'a look-back of half a day',
    'looks_back: 30 days',
    'looks_back: 12 hours',
    'error [CONFIG_INVALID] pipeline.yaml:18:17: `looks_back` must be whole days, not `12 hours`\n  key: models.bars.looks_back',
  ],
  [
    'an impossible time',
    'as_of: 2025-07-10T09:00:00Z',
    'as_of: 2025-02-30T09:00:00Z',
    'error [CONFIG_INVALID] pipeline.yaml:5:37: `as_of` must be a time such as `2025-07-10T09:00:00Z`, not `2025-02-30T09:00:00Z`\n  key: targets.sample.as_of',
  ],
  [
    'a ratio above 1',
    'unique: [symbol, date]',
    'coverage: { column: date, min: 95 }',
    'error [CONFIG_INVALID] pipeline.yaml:20:40: `min` must be at most 1, not `95`\n  key: models.bars.tests[0].coverage.min',
  ],
  [
    'a warning threshold beyond the failure threshold',
    'unique: [symbol, date]',
    'coverage: { column: date, min: 0.95, warn: 0.9 }',
    'error [CONFIG_INVALID] pipeline.yaml:20:52: `warn` must be at least `min`, not `0.9`\n  key: models.bars.tests[0].coverage.warn',
  ],
  [
    'a test that cannot fail (B13)',
    'unique: [symbol, date]',
    'range: { column: date }',
    'error [CONFIG_INVALID] pipeline.yaml:20:9: `range` must have `min`, `max` or both, not `{ column: date }`\n  key: models.bars.tests[0].range',
  ],
  ...acknowledgements,
  [
    'a default of another type',
    'default: true',
    'default: maybe',
    'error [CONFIG_INVALID] pipeline.yaml:7:38: the default of the var collect must be true or false, not `maybe`\n  key: vars.collect.default',
  ],
  [
    'a var of a target that is not declared',
    'synthetic: true',
    'synthetic: true, vars: { dayz: 3 }',
    'error [CONFIG_REFERENCE] pipeline.yaml:5:90: there is no var `dayz`\n  key: targets.sample.vars.dayz\n  next: did you mean days?',
  ],
  [
    'a var of a target out of range',
    'synthetic: true',
    'synthetic: true, vars: { days: -1 }',
    'error [CONFIG_INVALID] pipeline.yaml:5:90: the var days of the target sample must be at least 0, not `-1`\n  key: targets.sample.vars.days',
  ],
  [
    'a default out of range',
    'default: 30, min: 0',
    'default: -1, min: 0',
    'error [CONFIG_INVALID] pipeline.yaml:8:35: the default of the var days must be at least 0, not `-1`\n  key: vars.days.default',
  ],
  [
    'a default that is not among its values',
    '{ type: integer, default: 30, min: 0 }',
    '{ type: string, default: chekcsum, values: [etag, checksum] }',
    'error [CONFIG_INVALID] pipeline.yaml:8:34: the default of the var days must be one of etag, checksum, not `chekcsum`\n  key: vars.days.default\n  next: did you mean checksum?',
  ],
  [
    'a bound of another type',
    'default: 30, min: 0',
    'default: 30, min: zero',
    'error [CONFIG_INVALID] pipeline.yaml:8:44: `min` of the var days must be a whole number, not `zero`\n  key: vars.days.min',
  ],
  [
    'a bound of a var without an order',
    '{ type: boolean, default: true }',
    '{ type: boolean, default: true, max: 1 }',
    'error [CONFIG_INVALID] pipeline.yaml:7:49: `max` of the var collect does not apply to a var of type boolean\n  key: vars.collect.max',
  ],
  [
    'a default target that is not declared',
    'default_target: sample',
    'default_target: smple',
    'error [CONFIG_REFERENCE] pipeline.yaml:2:17: there is no target `smple`\n  key: default_target\n  next: did you mean sample?',
  ],
  [
    'an unknown need',
    'needs: [objects]',
    'needs: [objcts]',
    'error [CONFIG_REFERENCE] pipeline.yaml:16:13: there is no extract, seed, model or table `objcts`\n  key: models.bars.needs[0]\n  next: did you mean objects?',
  ],
  [
    'an unknown need that resembles nothing',
    'needs: [objects]',
    'needs: [orderbook_snapshots]',
    'error [CONFIG_REFERENCE] pipeline.yaml:16:13: there is no extract, seed, model or table `orderbook_snapshots`\n  key: models.bars.needs[0]\n  next: use one of: listing, objects, bars, ranks',
  ],
  [
    'a cycle',
    'needs: [objects]',
    'needs: [objects, ranks]',
    'error [CONFIG_CYCLE] pipeline.yaml:16:22: these need each other: bars -> ranks -> bars\n  key: models.bars.needs[1]\n  next: remove one of these needs',
  ],
  [
    'a model that needs itself',
    'needs: [objects]',
    'needs: [bars]',
    'error [CONFIG_CYCLE] pipeline.yaml:16:13: these need each other: bars -> bars\n  key: models.bars.needs[0]\n  next: remove one of these needs',
  ],
  [
    'a cycle through a table',
    'writes: [objects]',
    'writes: [objects]\n    needs: [ranks]',
    'error [CONFIG_CYCLE] pipeline.yaml:13:13: these need each other: listing -> ranks -> bars -> listing\n  key: extracts.listing.needs[0]\n  next: remove one of these needs',
  ],
  [
    'a `when` that names no var',
    'when: collect',
    'when: colect',
    'error [CONFIG_REFERENCE] pipeline.yaml:17:11: there is no var `colect`\n  key: models.bars.when\n  next: did you mean collect?',
  ],
  [
    'a `when` that names no boolean',
    'when: collect',
    'when: days',
    'error [CONFIG_REFERENCE] pipeline.yaml:17:11: the var `days` is of type integer, but `when` needs a boolean\n  key: models.bars.when',
  ],
  [
    'a `when` of a test that names no var',
    'custom: { use: tests/data/dense.ts }',
    'custom: { use: tests/data/dense.ts, when: colect }',
    'error [CONFIG_REFERENCE] pipeline.yaml:21:51: there is no var `colect`\n  key: models.bars.tests[1].custom.when\n  next: did you mean collect?',
  ],
  [
    'an export of an unknown model',
    'model: ranks',
    'model: rankings',
    'error [CONFIG_REFERENCE] pipeline.yaml:26:19: there is no model `rankings`\n  key: exports.ranks.model\n  next: use one of: bars, ranks',
  ],
  [
    'a relationship to an unknown table',
    'unique: [symbol, date]',
    'relationships: { column: symbol, to: rank.symbol }',
    'error [CONFIG_REFERENCE] pipeline.yaml:20:46: there is no table `rank`\n  key: models.bars.tests[0].relationships.to\n  next: did you mean ranks?',
  ],
  [
    'a relationship to no column',
    'unique: [symbol, date]',
    'relationships: { column: symbol, to: ranks }',
    'error [CONFIG_INVALID] pipeline.yaml:20:46: `to` must be `table.column`, not `ranks`\n  key: models.bars.tests[0].relationships.to',
  ],
  [
    'a model with the name of an extract',
    '  ranks:\n    use',
    '  listing:\n    use',
    'error [CONFIG_INVALID] pipeline.yaml:22:3: the model `listing` has the same name as extracts.listing on line 10\n  key: models.listing\n  next: rename one of them',
  ],
  [
    'a model with the name of a table that an extract writes',
    'writes: [objects]',
    'writes: [objects, ranks]',
    'error [CONFIG_INVALID] pipeline.yaml:22:3: the model `ranks` has the same name as extracts.listing.writes[1] on line 12\n  key: models.ranks\n  next: rename one of them',
  ],
  [
    'a table with the name of an engine table (B30)',
    'writes: [objects]',
    'writes: [objects, partition_state]',
    'error [CONFIG_INVALID] pipeline.yaml:12:23: the table `partition_state` has the same name as a table of the engine\n  key: extracts.listing.writes[1]\n  next: rename it',
  ],
  [
    'a table that another extract writes, which this one does not need',
    '    writes: [objects]\n',
    '    writes: [objects]\n  more: { use: extract/listing.ts, writes: [objects] }\n',
    'error [CONFIG_INVALID] pipeline.yaml:13:45: the table `objects` has the same name as extracts.listing.writes[0] on line 12\n  key: extracts.more.writes[0]\n  next: rename one of them',
  ],
  [
    'two published files of one name',
    'exports:\n',
    'publications:\n  public:\n    files:\n      - database: { file: a.db, tables: [bars], gzip: true }\n      - parquet: { file: a.db.gz, table: bars, order_by: [date] }\nexports:\n',
    'error [CONFIG_INVALID] pipeline.yaml:29:26: the publication public already has a file `a.db.gz`\n  key: publications.public.files[1].parquet.file\n  next: rename it',
  ],
  [
    'a published file of an unknown kind',
    'exports:\n',
    'publications:\n  public:\n    files:\n      - csv: { file: a.csv, table: bars }\nexports:\n',
    'error [CONFIG_INVALID] pipeline.yaml:28:9: unknown key `csv` in publications.public.files[0]\n  key: publications.public.files[0].csv\n  next: known keys: database, parquet, dataset, made',
  ],
  [
    'two tests of one name',
    'custom: { use: tests/data/dense.ts }',
    'unique: { columns: [symbol, date], where: date > 0 }',
    'error [CONFIG_INVALID] pipeline.yaml:21:9: the test `unique_bars_symbol_date` has the same name as the one on line 20\n  key: models.bars.tests[1]\n  next: give one of them a `name`',
  ],
];

describe('a fault in pipeline.yaml is an error with its position, its text and a hint', () => {
  test.each(cases)('%s', (fault, from, to, message) => {
    const text = changed(from, to);
    // Renaming the model would leave the export without it, which is another case.
    const only =
      text.includes('\n  ranks:\n') || fault === 'a missing key' ? text : text.replace('model: ranks', 'model: bars');
    expect(formatError(errorOf(only))).toBe(message);
    expect(errorOf(only).exitCode).toBe(2);
  });

  test('an empty file', () => {
    expect(formatError(errorOf(''))).toBe(
      'error [CONFIG_INVALID] pipeline.yaml:1:1: the file must be a map, but is empty',
    );
  });
});

describe('several faults', () => {
  test('of any kind are all in one error, in file order', () => {
    const text = sound
      .replace('default_target: sample', 'default_target: smple')
      .replace('looks_back:', 'look_back:')
      .replace('needs: [bars]', 'needs: [bras]')
      .replace('order_by: [date]', 'order_by: date');
    expect(formatError(errorOf(text))).toBe(
      [
        'error [CONFIG_REFERENCE] pipeline.yaml:2:17: there is no target `smple` (did you mean sample?)',
        '  pipeline.yaml:18:5: unknown key `look_back` in models.bars (did you mean looks_back?)',
        '  pipeline.yaml:24:13: there is no extract, seed, model or table `bras` (did you mean bars?)',
        '  pipeline.yaml:26:53: `order_by` must be a list, not `date`',
        '  next: fix these 4 problems and run again',
      ].join('\n'),
    );
    expect(errorOf(text).details).toMatchObject({ file: 'pipeline.yaml', line: 2, column: 17 });
  });

  test('that hide an entry do not blame references to that entry', () => {
    const text = sound
      .replace('use: models/bars.ts', 'use: [models/bars.ts]')
      .replace('writes: [objects]', 'writes: objects');
    expect(errorOf(text).message.split('\n')).toEqual([
      '`writes` must be a list, not `objects`',
      '  pipeline.yaml:15:5: `use` must be a string, not `[models/bars.ts]`',
    ]);
  });

  test('in the name of a section do not blame references to what it declares', () => {
    expect(errorOf(sound.replace('models:', 'modles:').replace('vars:', 'var:')).message.split('\n')).toEqual([
      'unknown key `var` (did you mean vars?)',
      '  pipeline.yaml:13:1: unknown key `modles` (did you mean models?)',
    ]);
  });

  test('beyond twenty are counted, not listed', () => {
    const text = sound.replace('[date]', `[${Array.from({ length: 30 }, (_, index) => index).join(', ')}]`);
    const lines = errorOf(text).message.split('\n');
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toBe('  and 10 more');
  });

  test('of a duplicate key are those of its last value, which is the one that counts', () => {
    expect(errorOf(sound.replace('needs: [bars]', 'needs: [bars]\n    needs: [bras]')).message.split('\n')).toEqual([
      'duplicate key `needs`',
      '  pipeline.yaml:25:13: there is no extract, seed, model or table `bras` (did you mean bars?)',
    ]);
  });

  test('in two cycles are two problems', () => {
    const text = sound
      .replace('needs: [objects]', 'needs: [objects, bars]')
      .replace('needs: [bars]', 'needs: [bars, ranks]');
    expect(errorOf(text).message).toBe(
      [
        'these need each other: bars -> bars (remove one of these needs)',
        '  pipeline.yaml:24:19: these need each other: ranks -> ranks (remove one of these needs)',
      ].join('\n'),
    );
  });
});

describe('files', () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'load-'));
    const files = [
      'extract/listing.ts',
      'models/schema.ts',
      'models/bars.ts',
      'models/ranks.ts',
      'tests/data/dense.ts',
    ];
    for (const file of files) {
      await mkdir(dirname(join(root, file)), { recursive: true });
      await writeFile(join(root, file), '');
    }
  });
  afterAll(() => rm(root, { recursive: true }));

  async function load(text: string) {
    const file = join(root, 'pipeline.yaml');
    await writeFile(file, text);
    return loadPipeline(file);
  }

  test('that exist are accepted', async () => {
    const pipeline = await load(sound);
    expect(pipeline.root).toBe(root);
    expect(pipeline.file).toBe(join(root, 'pipeline.yaml'));
  });

  test.each([
    [
      'schema: models/schema.ts',
      'schema: models/schem.ts',
      '3:9: there is no file `models/schem.ts`',
      'did you mean models/schema.ts?',
    ],
    [
      'use: models/ranks.ts',
      'use: ./models/rank.ts',
      '23:10: there is no file `./models/rank.ts`',
      'did you mean models/ranks.ts?',
    ],
    ['extract/listing.ts', 'extractor/listing.ts', '11:10: there is no file `extractor/listing.ts`', undefined],
    [
      'tests/data/dense.ts',
      'tests/data/dnse.ts',
      '21:24: there is no file `tests/data/dnse.ts`',
      'did you mean tests/data/dense.ts?',
    ],
    [
      'exports:',
      'commands:\n  query: { use: queries/command.ts, description: Asks. }\nexports:',
      '26:17: there is no file `queries/command.ts`',
      undefined,
    ],
    ['use: models/ranks.ts', 'use: models/depth.ts', '23:10: there is no file `models/depth.ts`', undefined],
    ['models:', 'seeds: { rates: seeds/rates.csv }\nmodels:', '13:17: there is no file `seeds/rates.csv`', undefined],
    [
      'models:',
      'seeds: { rates: { file: seeds/rates.csv } }\nmodels:',
      '13:25: there is no file `seeds/rates.csv`',
      undefined,
    ],
    ['use: models/ranks.ts', 'use: models', '23:10: `models` is not a file', undefined],
  ])('%s → %s', async (from, to, message, hint) => {
    const error = await load(changed(from, to)).catch((error) => error);
    expect(error.code).toBe('CONFIG_REFERENCE');
    expect(formatError(error).split('\n')[0]).toBe(
      `error [CONFIG_REFERENCE] ${join(root, 'pipeline.yaml')}:${message}`,
    );
    expect(error.details.hint).toBe(hint);
  });

  test('a missing file and a wrong key are one error', async () => {
    const error = await load(sound.replace('models/ranks.ts', 'models/rank.ts').replace('vars:', 'var:')).catch(
      (error) => error,
    );
    expect(error.message).toContain('unknown key `var`');
    expect(error.message).toContain('there is no file `models/rank.ts`');
  });

  test('a missing pipeline.yaml is named as it was given', async () => {
    const error = await loadPipeline('no/such/pipeline.yaml').catch((error) => error);
    expect(formatError(error)).toBe(
      'error [CONFIG_REFERENCE] no/such/pipeline.yaml: the file does not exist\n  next: run in the folder that contains it',
    );
  });
});
