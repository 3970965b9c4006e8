import type { PipelineError } from '../../engine/index.ts';
import type { BarSeries } from '../../exchange/keys.ts';
import type { Slots } from '../../exchange/slots.ts';
import { msOfDay, timeframes } from '../../exchange/timeframes.ts';
import { holds, type Range } from './coverage.ts';
import type { Bar, KlinesAnswer, RestClient } from './rest-client.ts';

/** Bars a request. Of futures 499 cost 2 of the weight, 1,500 cost 10. */
const pageOf = { spot: 1000, 'futures-um': 499, 'futures-cm': 499 } as const;
/** Futures-cm refuses ranges of more than 200 days. */
const longestSpan = {
  spot: Number.POSITIVE_INFINITY,
  'futures-um': Number.POSITIVE_INFINITY,
  'futures-cm': 200 * msOfDay,
};

export interface AskOptions {
  readonly client: Pick<RestClient, 'klines'>;
  readonly slots: Slots;
  /** The run's clock, ms: only bars that have closed before it count. */
  readonly asOf: number;
  /** Takes bars in the order of time, and what the exchange has answered for with them. */
  readonly take: (bars: readonly Bar[], settled: Range) => void;
}

export type Refusal =
  | { readonly kind: 'unknown'; readonly text: string }
  | { readonly kind: 'failed'; readonly error: PipelineError };

/**
 * Asks for all slots of the ranges, page by page, until the exchange has answered for each; answers why it does not.
 * A page is never larger than an answer can be, since what an exchange leaves out of a larger one differs by market:
 * futures-cm gives the newest bars of a range, the others the oldest (B8). After an answer the next page begins behind
 * its last bar, so that a shorter one than was asked for is no end. Behind a page without a bar the days are looked at
 * first: years in which nothing was traded are passed over in a few requests.
 */
export async function askFor(
  series: BarSeries,
  ranges: readonly Range[],
  options: AskOptions,
): Promise<Refusal | undefined> {
  const { client, asOf, take } = options;
  const { slotOf, opensAt } = options.slots;
  const { instrument_type: market, timeframe } = series;
  const page = pageOf[market];
  const isShorterThanDay = (timeframes[timeframe] ?? msOfDay) < msOfDay;

  let at = 0;
  for (let from = Number.NEGATIVE_INFINITY; ; ) {
    while ((ranges[at]?.[1] ?? Number.POSITIVE_INFINITY) <= from) at++;
    const range = ranges[at];
    if (range === undefined) return undefined;
    from = Math.max(from, range[0]);
    const end = Math.min(opensAt(slotOf(from) + page), from + longestSpan[market]);
    let to = from;
    // Small holes that are near each other are asked for together.
    for (let i = at; (ranges[i]?.[0] ?? end) < end; i++) to = Math.min((ranges[i] as Range)[1], end);

    const answer = await client.klines({ ...series, range: [from, to], limit: slotOf(to - 1) - slotOf(from) + 1 });
    if (answer.kind !== 'bars') return answer;
    const bars = answer.bars.filter(({ open }) => open >= from && open < to);
    const closed = bars.filter((bar) => closeOf(bar, options.slots) < Math.min(asOf, answer.at ?? asOf));
    const behind = (bar: Bar | undefined) => (bar === undefined ? undefined : opensAt(slotOf(bar.open) + 1));
    const known = behind(closed.at(-1)) ?? from;
    let next = behind(bars.at(-1)) ?? to;
    if (bars.length === 0 && to < range[1] && isShorterThanDay) {
      const traded = await firstDay(series, [to, range[1]], client);
      if (typeof traded !== 'number') return traded;
      next = Math.max(to, traded);
    }
    // The exchange may be late with its newest bars: that one is not there yet settles nothing.
    const settled = closed.length < bars.length ? known : Math.max(known, Math.min(next, asOf - msOfDay));
    take(
      closed.filter(({ open }) => holds(ranges, opensAt(slotOf(open)))),
      [from, settled],
    );
    from = next;
  }
}

/** When a bar closes: as the exchange says, unless that is far from the bar (A9), then with its slot. */
function closeOf({ open, close }: Bar, { slotOf, opensAt }: Slots): number {
  const slot = slotOf(open);
  const end = opensAt(slot + 1);
  return close >= open && close - open <= end - opensAt(slot) ? close : end - 1;
}

/** When the first day with a bar in the range begins, or, where a look shows none, where the look ends. */
async function firstDay(
  series: BarSeries,
  [from, to]: Range,
  client: AskOptions['client'],
): Promise<number | Exclude<KlinesAnswer, { kind: 'bars' }>> {
  const start = Math.floor(from / msOfDay) * msOfDay;
  const limit = Math.min(Math.ceil((to - start) / msOfDay), longestSpan[series.instrument_type] / msOfDay, 499);
  const end = start + limit * msOfDay;
  const answer = await client.klines({ ...series, timeframe: '1d', range: [start, end], limit });
  if (answer.kind !== 'bars') return answer;
  return answer.bars.find(({ open }) => open >= start && open < end)?.open ?? Math.min(end, to);
}
