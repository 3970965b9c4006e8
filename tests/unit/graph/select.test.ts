import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PipelineError } from '../../../engine/errors.ts';
import { buildGraph, type Graph } from '../../../engine/graph/graph.ts';
import { type Selection, select } from '../../../engine/graph/select.ts';
import { ancestors, descendants } from '../../../engine/graph/walk.ts';
import { graphs, graphsWithIds, pipelineOf } from './arbitrary.ts';

const graph = buildGraph(
  pipelineOf({
    extracts: {
      listing: { use: 'extract/listing.ts', writes: ['archive_objects'], tags: ['network'] },
      klines: { use: 'extract/klines.ts', needs: ['listing'], writes: ['staged_klines'], tags: ['network'] },
    },
    models: {
      ohlcv: {
        use: 'models/market/ohlcv.ts',
        group: 'market',
        needs: ['staged_klines'],
        tests: [{ unique: ['a'] }],
        tags: ['heavy'],
      },
      symbols: { use: 'models/market/symbols.ts', group: 'market', needs: ['archive_objects', 'ohlcv'] },
      daily_availability: {
        use: 'models/availability/daily_availability.ts',
        group: 'availability',
        needs: ['symbols', 'ohlcv'],
        tests: [{ relationships: { column: 'symbol', to: 'symbols.symbol' } }],
      },
      volume_rankings: {
        use: 'models/rankings/volume_rankings.ts',
        group: 'ranks',
        needs: ['daily_availability'],
        tests: [{ custom: { use: 'tests/data/ranks_dense.ts', tags: ['slow'] } }],
      },
    },
    exports: {
      daily_availability: { model: 'daily_availability', format: 'parquet', order_by: ['a'] },
      volume_rankings: { model: 'volume_rankings', format: 'parquet', order_by: ['a'] },
    },
  }),
);

const market = ['model.ohlcv', 'test.unique_ohlcv_a', 'model.symbols'];
const availability = [
  'model.daily_availability',
  'test.relationships_daily_availability_symbol',
  'export.daily_availability',
];
const rankings = ['model.volume_rankings', 'test.ranks_dense', 'export.volume_rankings'];
const extracts = ['extract.listing', 'extract.klines'];
const everything = [...extracts, ...market, ...availability, ...rankings];

const selected = (...texts: string[]) => [...select(graph, { select: texts })];

function errorOf(selection: Selection): PipelineError {
  try {
    select(graph, selection);
  } catch (error) {
    if (error instanceof PipelineError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('a selector', () => {
  test.each<[string, readonly string[]]>([
    // a name, a group, a folder
    ['volume_rankings', rankings],
    ['ranks', rankings],
    ['rankings', rankings],
    ['models/rankings', rankings],
    ['models/rankings/', rankings],
    ['./models/rankings/volume_rankings.ts', rankings],
    ['models', [...market, ...availability, ...rankings]],
    ['extract', extracts],
    ['listing', ['extract.listing']],
    ['ranks_dense', ['test.ranks_dense']],
    ['export.volume_rankings', ['export.volume_rankings']],
    ['model.volume_rankings', rankings],
    // methods
    ['group:market', market],
    ['tag:network', extracts],
    ['tag:heavy', ['model.ohlcv', 'test.unique_ohlcv_a']],
    ['tag:slow', ['test.ranks_dense']],
    ['path:models/market', market],
    ['path:models/market/ohlcv.ts', ['model.ohlcv', 'test.unique_ohlcv_a']],
    // tables of extracts
    ['archive_objects', ['extract.listing']],
    ['archive_objects+1', ['extract.listing', 'model.symbols']],
    ['archive_objects+', ['extract.listing', 'model.symbols', ...availability, ...rankings]],
    ['staged_*+1', ['extract.klines', ...market.slice(0, 2)]],
    ['+staged_klines', extracts],
    ['@archive_objects', everything],
    ['kind:export', ['export.daily_availability', 'export.volume_rankings']],
    ['resource_type:model', ['model.ohlcv', 'model.symbols', 'model.daily_availability', 'model.volume_rankings']],
    // wildcards
    ['*_rankings', rankings],
    ['*', everything],
    ['path:models/*/ohlcv.ts', ['model.ohlcv', 'test.unique_ohlcv_a']],
    ['tag:h*', ['model.ohlcv', 'test.unique_ohlcv_a']],
    // ancestors and descendants
    ['+rankings', everything],
    ['1+volume_rankings', [...availability, ...rankings]],
    ['+symbols', [...extracts, ...market]],
    ['1+symbols', ['extract.listing', ...market]],
    ['symbols+', ['model.symbols', ...availability, ...rankings]],
    ['symbols+1', ['model.symbols', ...availability]],
    ['1+symbols+1', ['extract.listing', ...market, ...availability]],
    ['0+symbols+0', ['model.symbols']],
    ['+group:market', [...extracts, ...market]],
    ['+kind:extract', extracts],
    ['1+kind:export', [...availability, ...rankings]],
    ['@symbols', everything],
    ['@listing', everything],
    ['@volume_rankings', everything],
    ['+export.daily_availability', [...extracts, ...market, ...availability]],
  ])('%s', (text, ids) => {
    expect(new Set(selected(text))).toEqual(new Set(ids));
  });

  describe('with seeds', () => {
    const seeded = buildGraph(
      pipelineOf({
        extracts: { till: { use: 'till.ts', writes: ['sales'] } },
        seeds: { rates: 'seeds/rates.csv', fees: { file: 'seeds/fees.csv', tags: ['money'] } },
        models: {
          totals: {
            use: 'totals.ts',
            needs: ['sales', 'rates'],
            tests: [{ relationships: { column: 'fee', to: 'fees.fee', name: 'known_fees' } }],
          },
          trends: { use: 'trends.ts', needs: ['totals'] },
        },
      }),
    );
    const of = (...texts: string[]) => [...select(seeded, { select: texts })];

    test('finds them by name, folder, tag and kind', () => {
      expect(of('rates')).toEqual(['seed.rates']);
      expect(of('seeds')).toEqual(['seed.rates', 'seed.fees']);
      expect(of('tag:money')).toEqual(['seed.fees']);
      expect(of('kind:seed')).toEqual(['seed.rates', 'seed.fees']);
      expect(of('rates+')).toEqual(
        ['seed.rates', 'model.totals', 'model.trends', 'seed.fees', 'test.known_fees'].sort(
          (a, b) => ids.indexOf(a) - ids.indexOf(b),
        ),
      );
    });

    test('brings those that models and tests read, unless they are excluded', () => {
      expect(of('totals')).toEqual(
        ['seed.rates', 'model.totals', 'seed.fees', 'test.known_fees'].sort((a, b) => ids.indexOf(a) - ids.indexOf(b)),
      );
      expect(of('trends')).toEqual(['model.trends']);
      expect(of('kind:model')).toEqual(['model.totals', 'model.trends']);
      const left = select(seeded, { select: ['totals'], exclude: ['fees'] });
      expect([...left]).toEqual(['seed.rates', 'model.totals', 'test.known_fees']);
      expect(() => select(seeded, { select: ['totals'], exclude: ['totals'] })).toThrow('the selection is empty');
    });
    const ids = seeded.nodes.map(({ id }) => id);
  });

  test('without text is everything, in the order of the graph', () => {
    expect([...select(graph, {})]).toEqual(graph.nodes.map(({ id }) => id));
    expect([...select(graph, { select: [] })]).toEqual(graph.nodes.map(({ id }) => id));
  });

  test('joined by spaces is a union, by commas an intersection, and in several texts a union', () => {
    expect(selected('symbols listing')).toEqual(['extract.listing', 'model.symbols']);
    expect(selected('symbols', 'listing')).toEqual(['extract.listing', 'model.symbols']);
    expect(selected('+symbols,kind:extract')).toEqual(extracts);
    expect(selected('rankings,kind:test listing')).toEqual(['extract.listing', 'test.ranks_dense']);
  });

  test('that is excluded also excludes its tests and exports', () => {
    const ids = select(graph, { exclude: ['daily_availability'] });
    expect([...ids]).toEqual(everything.filter((id) => !availability.includes(id)));
    expect([...select(graph, { select: ['rankings'], exclude: ['kind:test'] })]).toEqual([rankings[0], rankings[2]]);
  });
});

describe('a selector without a match is an error', () => {
  test.each<[Selection, string, string, string]>([
    [{ select: ['volume_ranking'] }, '--select', 'volume_ranking', 'did you mean volume_rankings?'],
    [{ select: ['ranks volume_ranking'] }, '--select', 'volume_ranking', 'did you mean volume_rankings?'],
    [{ select: ['+markt'] }, '--select', '+markt', 'did you mean market?'],
    [{ select: ['tag:hevy'] }, '--select', 'tag:hevy', 'did you mean heavy?'],
    [{ select: ['path:models/marke'] }, '--select', 'path:models/marke', 'did you mean models/market?'],
    [{ select: ['kind:models'] }, '--select', 'kind:models', 'did you mean model?'],
    [{ select: ['orderbook_snapshots'] }, '--select', 'orderbook_snapshots', 'list all nodes: pnpm pipeline ls'],
    [{ exclude: ['simbols'] }, '--exclude', 'simbols', 'did you mean symbols?'],
    [
      { select: ['symbols,ohlcv'] },
      '--select',
      'symbols,ohlcv',
      'a comma keeps only nodes that match both sides; a space joins them',
    ],
    [{ select: [' '] }, '--select', '', 'name a node, or leave out --select'],
  ])('%o', (selection, key, value, hint) => {
    const error = errorOf(selection);
    expect(error.code).toBe('SELECTION_EMPTY');
    expect(error.exitCode).toBe(2);
    expect(error.message).toBe(`no node matches \`${value}\``);
    expect(error.details).toEqual({ key, value, hint });
  });

  test('and so is a selection that is excluded entirely', () => {
    expect(errorOf({ select: ['symbols'], exclude: ['market'] })).toMatchObject({
      code: 'SELECTION_EMPTY',
      message: 'the selection is empty',
      details: { key: '--exclude', value: 'market', hint: 'exclude less: everything that was selected is excluded' },
    });
  });
});

describe('bad syntax is a usage error', () => {
  test.each([
    ['@symbols+', '`@symbols+` is not a valid selector'],
    ['+@symbols', '`+@symbols` is not a valid selector'],
    ['symbols,', '`` is not a valid selector'],
    ['a+b', '`a+b` is not a valid selector'],
    ['+', '`+` is not a valid selector'],
    ['tags:heavy', '`tags:heavy` has an unknown method or an empty value'],
    ['tag:', '`tag:` has an unknown method or an empty value'],
    ['constructor:x', '`constructor:x` has an unknown method or an empty value'],
  ])('%s', (text, message) => {
    expect(errorOf({ select: [text] })).toMatchObject({ code: 'USAGE', message });
  });

  test('and suggests a correction', () => {
    expect(errorOf({ select: ['tags:heavy'] }).details.hint).toBe('did you mean tag?');
  });
});

describe('for any graph', () => {
  const withChildren = (of: Graph, ids: Iterable<string>) => {
    const all = new Set(ids);
    for (const { id, parent } of of.nodes) if (parent !== undefined && all.has(parent)) all.add(id);
    return all;
  };

  test('+a is a and its ancestors, a+ is a and its descendants, @a is a+ and everything that it needs', () => {
    fc.assert(
      fc.property(graphsWithIds, ([any, [id = '']]) => {
        const pick = (text: string) => select(any, { select: [text] });
        const below = new Set([id, ...descendants(any, [id])]);
        expect(pick(`+${id}`)).toEqual(withChildren(any, [id, ...ancestors(any, [id])]));
        expect(pick(`${id}+`)).toEqual(withChildren(any, below));
        expect(pick(`@${id}`)).toEqual(withChildren(any, [...below, ...ancestors(any, below)]));
        expect(pick(`${any.nodes.length}+${id}`)).toEqual(pick(`+${id}`));
      }),
    );
  });

  test('a space gives the union, and a comma the intersection, of what each side selects', () => {
    const words = fc.constantFrom('market', 'rankings', 'tag:daily', 'kind:test', '+m0', 'm0+', 'listing', '*');
    fc.assert(
      fc.property(graphs, words, words, (any, left, right) => {
        const pick = (...texts: string[]): string[] => {
          try {
            return [...select(any, { select: texts })];
          } catch (error) {
            if (error instanceof PipelineError && error.code === 'SELECTION_EMPTY') return [];
            throw error;
          }
        };
        const [a, b] = [pick(left), pick(right)];
        fc.pre(a.length > 0 && b.length > 0);
        const order = any.nodes.map(({ id }) => id);
        const union = order.filter((id) => a.includes(id) || b.includes(id));
        expect(pick(`${left} ${right}`)).toEqual(union);
        expect(pick(left, right)).toEqual(union);
        expect(pick(`${left},${right}`)).toEqual(a.filter((id) => b.includes(id)));
        expect(pick(`${right},${left}`)).toEqual(pick(`${left},${right}`));
        expect(pick(`${left},*`)).toEqual(a);
      }),
    );
  });

  test('selecting and excluding the same splits all nodes in two', () => {
    fc.assert(
      fc.property(graphsWithIds, ([any, ids]) => {
        const text = [ids.join(' ')];
        const chosen = select(any, { select: text });
        fc.pre(chosen.size < any.nodes.length);
        const rest = select(any, { exclude: text });
        expect(any.nodes.map(({ id }) => id).filter((id) => chosen.has(id) === rest.has(id))).toEqual([]);
      }),
    );
  });

  test('no model is selected without its tests and exports', () => {
    fc.assert(
      fc.property(graphsWithIds, ([any, ids]) => {
        const chosen = select(any, { select: [ids.join(' ')] });
        expect(withChildren(any, chosen)).toEqual(chosen);
      }),
    );
  });
});
