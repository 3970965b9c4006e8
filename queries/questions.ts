import { basis } from './questions/basis.ts';
import { gaps } from './questions/gaps.ts';
import { delistings, listings } from './questions/lifecycle.ts';
import { coverage, market, range, summary } from './questions/overview.ts';
import { conflicts, irregular, rejected, revisions } from './questions/quality.ts';
import { movers, rank, snapshot, timeline, top, volume } from './questions/rankings.ts';

/** All questions except `ohlcv`, whose command asks one of two. */
export const questions = [
  summary,
  snapshot,
  range,
  timeline,
  listings,
  delistings,
  top,
  rank,
  movers,
  market,
  volume,
  basis,
  gaps,
  coverage,
  rejected,
  revisions,
  conflicts,
  irregular,
] as const;
