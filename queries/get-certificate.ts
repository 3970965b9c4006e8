import { openContext, openReader } from '../engine/for-commands.ts';
import type { Database } from '../models/schema.ts';
import { type Certificate, certify } from './certify/certificate.ts';
import { differences } from './certify/check.ts';
import { contextOptions, type OpenOptions } from './open.ts';
import { instrumentType, timeframe } from './parameters/parameter.ts';
import { instantOptions } from './parameters/range.ts';
import { anySymbol } from './parameters/symbol.ts';
import type { GivenOf } from './question.ts';
import { resolvePlain } from './resolve.ts';

const parameters = { symbol: anySymbol, timeframe, instrumentType, ...instantOptions };

/** A warehouse of a target: whether its values are made up is known of targets, not of files. */
type TargetOptions = Omit<OpenOptions, 'file' | 'onStandIn'>;

export type CertificateRequest = TargetOptions & GivenOf<typeof parameters>;

/**
 * What there should be of a series, what there is, what is missing and why, with a digest of every value: what
 * `pnpm pipeline certify` writes as JSON. Of spot, unless `instrumentType` names futures-um or futures-cm; with
 * `start` and `end`, of the slots in that half-open range alone.
 *
 * @throws PipelineError TABLE_MISSING where the gaps of the series were not built, CERTIFICATE_DIFFERS where they do
 * not fit its bars or there is nothing, WAREHOUSE_MISSING, WAREHOUSE_LOCKED
 * @example
 * ```ts
 * import { checkCertificate, getCertificate } from 'klinehouse';
 *
 * const certificate = await getCertificate({ symbol: 'BTCUSDT', timeframe: '1d', instrumentType: 'futures' });
 * console.log(certificate.present, 'of', certificate.expected, 'days', certificate.digest);
 * console.log((await checkCertificate(certificate)).length, 'differences');
 * ```
 */
export async function getCertificate(request: CertificateRequest): Promise<Certificate> {
  const { symbol, timeframe, instrumentType, start, end } = resolvePlain(parameters, request);
  await using opened = await open(request);
  return await certify(
    opened.reader,
    { instrument_type: instrumentType, symbol, timeframe },
    {
      synthetic: opened.synthetic,
      range: { ...(start !== undefined && { start }), ...(end !== undefined && { end }) },
    },
  );
}

/**
 * In what the warehouse differs from a certificate, within the range that it is about; nothing where it holds.
 * @throws PipelineError as `getCertificate`
 */
export async function checkCertificate(
  certificate: Certificate,
  options: TargetOptions = {},
): Promise<readonly string[]> {
  await using opened = await open(options);
  return await differences(opened.reader, certificate);
}

async function open(options: TargetOptions) {
  const { waitMs, signal } = options;
  const { pipeline, target, paths } = await openContext(
    { cwd: process.cwd(), env: process.env },
    contextOptions(options),
  );
  const reader = await openReader<Database>({
    warehouse: paths.warehouse,
    root: pipeline.root,
    ...(waitMs !== undefined && { waitMs }),
    ...(signal !== undefined && { signal }),
  });
  return { reader, synthetic: target.synthetic, [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose]() };
}
