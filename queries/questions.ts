import { basis } from './questions/basis.ts';
import { conflicts } from './questions/conflicts.ts';
import { coverage } from './questions/coverage.ts';
import { delistings } from './questions/delistings.ts';
import { gaps } from './questions/gaps.ts';
import { irregular } from './questions/irregular.ts';
import { listings } from './questions/listings.ts';
import { market } from './questions/market.ts';
import { movers } from './questions/movers.ts';
import { range } from './questions/range.ts';
import { rank } from './questions/rank.ts';
import { rejected } from './questions/rejected.ts';
import { revisions } from './questions/revisions.ts';
import { snapshot } from './questions/snapshot.ts';
import { summary } from './questions/summary.ts';
import { timeline } from './questions/timeline.ts';
import { top } from './questions/top.ts';
import { volume } from './questions/volume.ts';

/** All but `ohlcv`, whose command asks one of two questions. */
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
