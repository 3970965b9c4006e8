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

/** A warehouse of a target: a target says whether its values are synthetic, a file does not. */
type TargetOptions = Omit<OpenOptions, 'file' | 'onStandIn'>;

export type CertificateRequest = TargetOptions & GivenOf<typeof parameters>;

/**
 * Returns the expected, present and missing bars of a series, the causes of gaps, and a digest of all values, as
 * `pnpm pipeline certify` writes them to JSON. The market is spot unless `instrumentType` is futures-um or futures-cm;
 * `start` and `end` restrict it to the slots of a half-open range.
 *
 * @throws PipelineError TABLE_MISSING if the gaps of the series were not built, CERTIFICATE_DIFFERS if they do not match
 * its bars or there is no data, WAREHOUSE_MISSING, WAREHOUSE_LOCKED
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
 * Returns how the warehouse differs from a certificate, within its range; empty if they match.
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
