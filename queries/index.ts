/** The library: typed questions to a warehouse. `import { getOhlcv, openWarehouse, top } from 'klinehouse'`. */
export type { ColumnsOf } from '../engine/for-commands.ts';
export { PipelineError } from '../engine/index.ts';
export type { Certificate, QueryErrorCode as ErrorCode } from './certify/certificate.ts';
export { type CertificateRequest, checkCertificate, getCertificate } from './get-certificate.ts';
export {
  type Bar,
  getOhlcv,
  getOhlcvColumns,
  type OhlcvRequest,
  type ResampledBar,
  type ResampledRequest,
} from './get-ohlcv.ts';
export { type OpenOptions, openWarehouse, type QueryWarehouse } from './open.ts';
export type { GivenOf, Question, RowOf } from './question.ts';
export { basis } from './questions/basis.ts';
export { conflicts } from './questions/conflicts.ts';
export { coverage } from './questions/coverage.ts';
export { delistings } from './questions/delistings.ts';
export { gaps } from './questions/gaps.ts';
export { irregular } from './questions/irregular.ts';
export { listings } from './questions/listings.ts';
export { market } from './questions/market.ts';
export { movers } from './questions/movers.ts';
export { ohlcv, ohlcvFigures } from './questions/ohlcv.ts';
export { range } from './questions/range.ts';
export { rank } from './questions/rank.ts';
export { rejected } from './questions/rejected.ts';
export { resampledOhlcv } from './questions/resampled-ohlcv.ts';
export { revisions } from './questions/revisions.ts';
export { snapshot } from './questions/snapshot.ts';
export { summary } from './questions/summary.ts';
export { timeline } from './questions/timeline.ts';
export { top } from './questions/top.ts';
export { volume } from './questions/volume.ts';
