import { closest } from '../closest.ts';
import { PipelineError } from '../errors.ts';
import type { Target } from '../extract.ts';
import { parseInstant } from './instant.ts';
import type { Pipeline } from './load.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A target with its own clock, where pipeline.yaml gives it one. */
export type ResolvedTarget = Target & {
  readonly listing: string;
  readonly as_of?: Date;
  /** Bytes. */
  readonly ask_above?: number;
};

/** The archive that a generator makes up. */
const sample = 'sample';

/** An empty variable counts as unset. */
const read = (env: Environment, name: string): string | undefined => env[name]?.trim() || undefined;

/**
 * The target of a run: `--target`, else PIPELINE_TARGET, else `default_target`.
 * PIPELINE_ARCHIVE_URL and PIPELINE_LISTING_URL override its hosts; the listing follows the archive unless it is named
 * at the same place or a nearer one. A synthetic target is never redirected. Throws USAGE for a name that pipeline.yaml does not have.
 */
export function resolveTarget(
  pipeline: Pick<Pipeline, 'spec'>,
  options: { readonly name?: string; readonly env: Environment },
): ResolvedTarget {
  const { targets, default_target } = pipeline.spec;
  const fromEnv = read(options.env, 'PIPELINE_TARGET');
  const name = options.name ?? fromEnv ?? default_target;
  const spec = Object.hasOwn(targets, name) ? targets[name] : undefined;
  if (spec === undefined) {
    throw new PipelineError('USAGE', `there is no target \`${name}\` in pipeline.yaml`, {
      key: options.name === undefined ? 'PIPELINE_TARGET' : '--target',
      value: name,
      hint: closest(name, Object.keys(targets)) ?? `targets are: ${Object.keys(targets).join(', ')}`,
    });
  }
  // Made-up rows never meet real ones because of a variable that was left set (B27).
  const isMadeUp = spec.synthetic || spec.archive === sample;
  const archiveUrl = isMadeUp ? undefined : read(options.env, 'PIPELINE_ARCHIVE_URL');
  const listingUrl = isMadeUp ? undefined : read(options.env, 'PIPELINE_LISTING_URL');
  const archive = archiveUrl ?? spec.archive;
  const asOf = spec.as_of === undefined ? undefined : parseInstant(spec.as_of);
  return {
    name,
    archive,
    listing: listingUrl ?? archiveUrl ?? spec.listing ?? archive,
    synthetic: spec.synthetic || archive === sample,
    ...(asOf !== undefined && { as_of: asOf }),
    ...(spec.ask_above !== undefined && { ask_above: spec.ask_above }),
  };
}

/** The run's clock: `--as-of`, else the target's `as_of`, else SOURCE_DATE_EPOCH (seconds), else `now`. Throws USAGE. */
export function resolveAsOf(options: {
  readonly flag?: string;
  readonly target: { readonly as_of?: Date };
  readonly env: Environment;
  readonly now: Date;
}): Date {
  if (options.flag !== undefined) {
    const instant = parseInstant(options.flag);
    if (instant !== undefined) return instant;
    throw new PipelineError('USAGE', `--as-of wants a UTC date or time, not \`${options.flag}\``, {
      key: '--as-of',
      value: options.flag,
      hint: 'write it as 2025-07-10 or 2025-07-10T09:00:00Z',
    });
  }
  if (options.target.as_of !== undefined) return options.target.as_of;
  const epoch = read(options.env, 'SOURCE_DATE_EPOCH');
  if (epoch === undefined) return options.now;
  const instant = /^\d{1,12}$/.test(epoch) ? new Date(Number(epoch) * 1000) : undefined;
  if (instant !== undefined && !Number.isNaN(instant.getTime())) return instant;
  throw new PipelineError('USAGE', `SOURCE_DATE_EPOCH wants seconds since 1970, not \`${epoch}\``, {
    key: 'SOURCE_DATE_EPOCH',
    value: epoch,
    hint: 'unset it, or set it to a whole number such as 1752138000',
  });
}
