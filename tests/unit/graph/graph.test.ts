import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { parsePipeline } from '../../../engine/config/load.ts';
import { buildGraph } from '../../../engine/graph/graph.ts';

const text = await readFile('pipeline.yaml', 'utf8');
const pipeline = parsePipeline(text, { file: '../some/pipeline.yaml', root: '/some' });
const graph = buildGraph(pipeline);
const nodeOf = (id: string) => graph.nodes.find((node) => node.id === id);

describe('the graph of pipeline.yaml', () => {
  test('has a node for each extract, seed, model, test and export, in the order of the file', () => {
    expect(graph.nodes.filter(({ kind }) => kind !== 'test').map(({ id }) => id)).toEqual([
      'extract.listing',
      'extract.klines',
      'extract.rest',
      'seed.known_quote_assets',
      'seed.symbol_exceptions',
      'seed.contract_sizes',
      'seed.resampling_exceptions',
      'model.ohlcv',
      'model.symbols',
      'model.ohlcv_units',
      'model.conflicts',
      'model.gaps',
      'model.listed_spans',
      'model.daily_availability',
      'model.volume_rankings',
      'export.daily_availability',
      'export.volume_rankings',
    ]);
  });

  test('names tests as dbt does, by their own name, or by the file of a custom test', () => {
    const names = graph.nodes.filter(({ kind }) => kind === 'test').map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        'unique_daily_availability_date_symbol',
        'not_null_ohlcv',
        'not_null_symbols_quote_asset',
        'ohlc_sense',
        'accepted_values_ohlcv_data_source',
        'coverage_daily_availability_quote_volume_usdt',
        'completeness_daily_availability_date',
        'relationships_daily_availability_symbol',
        'freshness_daily_availability_date',
        'row_count_volume_rankings',
        'range_volume_rankings_percentile',
        'ranks_dense',
      ]),
    );
  });

  test('resolves a need of a table to the extracts that write it, each once', () => {
    expect(nodeOf('model.ohlcv')?.needs).toEqual(['extract.klines', 'extract.rest']);
    expect(nodeOf('model.symbols')?.needs).toEqual([
      'extract.listing',
      'model.ohlcv',
      'seed.known_quote_assets',
      'seed.symbol_exceptions',
    ]);
    expect(nodeOf('extract.klines')?.needs).toEqual(['extract.listing']);
  });

  test('ties a test to its model, and a relationships test to the other table too', () => {
    expect(nodeOf('test.ranks_dense')).toMatchObject({
      needs: ['model.volume_rankings'],
      parent: 'model.volume_rankings',
      group: 'rankings',
      path: 'tests/data/ranks_dense.ts',
    });
    expect(nodeOf('test.relationships_daily_availability_symbol')).toMatchObject({
      needs: ['model.daily_availability', 'model.symbols'],
      parent: 'model.daily_availability',
      path: 'pipeline.yaml',
    });
  });

  test('ties an export to its model', () => {
    expect(nodeOf('export.volume_rankings')).toMatchObject({
      needs: ['model.volume_rankings'],
      parent: 'model.volume_rankings',
      when: 'collect_volume',
      group: 'rankings',
      path: 'pipeline.yaml',
    });
  });

  test('keeps the look-back of a model, in days, and the var of its `when`', () => {
    expect(nodeOf('model.volume_rankings')).toMatchObject({ looksBackDays: 30, when: 'collect_volume' });
    expect(nodeOf('model.symbols')).not.toHaveProperty('looksBackDays');
  });

  test('knows the position of each node in the file', () => {
    const lines = text.split('\n');
    for (const { kind, name, position, spec } of graph.nodes) {
      const rest = lines[position.line - 1]?.slice(position.column - 1);
      expect(rest).toMatch(new RegExp(`^${kind === 'test' && 'type' in spec ? spec.type : name}:`));
    }
  });

  test('is plain data that a manifest contains unchanged', () => {
    expect(JSON.parse(JSON.stringify(graph))).toEqual(graph);
  });
});

test('nodes come after what they need, even if the file has them the other way round', () => {
  const reversed = parsePipeline(
    `name: demo
default_target: sample
schema: models/schema.ts
targets: { sample: { archive: sample } }
models:
  last: { use: a.ts, needs: [middle], tests: [relationships: { column: a, to: tail.a }] }
  middle: { use: b.ts, needs: [first] }
  tail: { use: d.ts, needs: [last] }
  first: { use: c.ts, needs: [] }
`,
    { file: 'pipeline.yaml', root: '/project' },
  );
  expect(buildGraph(reversed).nodes.map(({ id }) => id)).toEqual([
    'model.first',
    'model.middle',
    'model.last',
    'model.tail',
    'test.relationships_last_a',
  ]);
});
