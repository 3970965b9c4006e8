import { describe, expect, test } from 'vitest';
import { describeWindow } from '../../../engine/config/window.ts';
import type { Window } from '../../../engine/extract.ts';
import { buildGraph } from '../../../engine/graph/graph.ts';
import { nodeWindows } from '../../../engine/run/context.ts';
import { pipelineOf } from '../graph/arbitrary.ts';

/** listing → klines → bars → availability → ranks, which looks back 30 days, → trends, which looks back 7. */
const graph = buildGraph(
  pipelineOf({
    extracts: {
      listing: { use: 'listing.ts', writes: ['objects'] },
      klines: { use: 'klines.ts', needs: ['listing'], writes: ['lines'] },
    },
    models: {
      bars: { use: 'bars.ts', needs: ['lines'] },
      availability: { use: 'availability.ts', needs: ['objects', 'bars'], tests: [{ unique: ['day'] }] },
      ranks: { use: 'ranks.ts', needs: ['availability'], looks_back: '30 days', tests: [{ unique: ['day'] }] },
      trends: { use: 'trends.ts', needs: ['ranks'], looks_back: '7 days' },
    },
    exports: { ranks: { model: 'ranks', format: 'parquet', order_by: ['day'] } },
  }),
);
const asked: Window = { start: new Date('2025-06-17'), end: new Date('2025-06-29') };
const all = new Set(graph.nodes.map(({ id }) => id));
const without = (...ids: readonly string[]) => new Set([...all].filter((id) => !ids.includes(id)));

const windowsOf = (selected: ReadonlySet<string>, window = asked) =>
  Object.fromEntries([...nodeWindows(graph, selected, window)].map(([id, own]) => [id, describeWindow(own)]));

describe('the days of a node', () => {
  test('are the requested ones if nothing looks back', () => {
    const plain = windowsOf(without('model.ranks', 'model.trends', 'test.unique_ranks_day', 'export.ranks'));
    expect(new Set(Object.values(plain))).toEqual(new Set(['2025-06-17 … 2025-06-28, 12 days']));
    expect(Object.keys(plain)).toHaveLength(5);
  });

  test('begin earlier by the look-back for everything that a model needs, and end later for the model itself', () => {
    expect(windowsOf(without('model.trends'))).toMatchObject({
      'extract.listing': '2025-05-18 … 2025-06-28, 42 days',
      'extract.klines': '2025-05-18 … 2025-06-28, 42 days',
      'model.bars': '2025-05-18 … 2025-06-28, 42 days',
      'model.availability': '2025-05-18 … 2025-06-28, 42 days',
      'model.ranks': '2025-06-17 … 2025-07-28, 42 days',
    });
  });

  test('add up along a chain of look-backs', () => {
    expect(windowsOf(all)).toMatchObject({
      'model.trends': '2025-06-17 … 2025-07-05, 19 days',
      'model.ranks': '2025-06-10 … 2025-07-28, 49 days',
      'model.availability': '2025-05-11 … 2025-06-28, 49 days',
      'extract.klines': '2025-05-11 … 2025-06-28, 49 days',
    });
  });

  test('count the look-backs of selected nodes only', () => {
    expect(windowsOf(new Set(['model.ranks', 'extract.klines']))).toEqual({
      'model.ranks': '2025-06-17 … 2025-07-28, 42 days',
      'extract.klines': '2025-06-17 … 2025-06-28, 12 days',
    });
  });

  test('stay open-ended without an end', () => {
    const open: Window = { start: asked.start, end: new Date(Date.UTC(9999, 11, 31)) };
    expect(nodeWindows(graph, all, open).get('model.ranks')?.end).toEqual(open.end);
  });
});
