/** The library: typed queries of a warehouse. `import { getOhlcv, openWarehouse, top } from 'klinehouse'`. */
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
export { gaps } from './questions/gaps.ts';
export { delistings, listings } from './questions/lifecycle.ts';
export { ohlcv, ohlcvFigures, resampledOhlcv } from './questions/ohlcv.ts';
export { coverage, market, range, summary } from './questions/overview.ts';
export { conflicts, irregular, rejected, revisions } from './questions/quality.ts';
export { movers, rank, snapshot, timeline, top, volume } from './questions/rankings.ts';
