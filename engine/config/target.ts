import { closest, PipelineError } from '../errors.ts';
import type { Target } from '../extract.ts';
import { hideInValue, type SplitUrl, splitUrl } from '../secrets.ts';
import { parseInstant } from '../units.ts';
import type { Pipeline } from './load.ts';
import type { PipelineSpec } from './spec.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A target, with its own clock if pipeline.yaml sets one. */
export type ResolvedTarget = Target & {
  readonly as_of?: Date;
  /** Bytes. */
  readonly ask_above?: number;
};

/** An empty variable counts as unset. */
const read = (env: Environment, name: string): string | undefined => env[name]?.trim() || undefined;

/**
 * Returns the target of a run: `--target`, else PIPELINE_TARGET, else `default_target`.
 * PIPELINE_ARCHIVE_URL and PIPELINE_LISTING_URL override its hosts; an archive without its own listing is listed at its
 * own address. A synthetic target is never redirected, and a target may have no archive at all. Throws USAGE for an
 * unknown name, CONFIG_INVALID for an invalid URL.
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
      hint: closest(name, Object.keys(targets)) ?? `known targets: ${Object.keys(targets).join(', ')}`,
    });
  }
  // An environment variable that is still set must not mix synthetic rows with real ones (B27).
  const { synthetic } = spec;
  const archiveUrl = synthetic ? undefined : read(options.env, 'PIPELINE_ARCHIVE_URL');
  const listingUrl = synthetic ? undefined : read(options.env, 'PIPELINE_LISTING_URL');
  const archive = splitPlace(archiveUrl, 'PIPELINE_ARCHIVE_URL') ?? splitPlace(spec.archive, `targets.${name}.archive`);
  const listing =
    splitPlace(listingUrl, 'PIPELINE_LISTING_URL') ??
    (archiveUrl === undefined ? splitPlace(spec.listing, `targets.${name}.listing`) : undefined) ??
    archive;
  const access = {
    ...(archive?.access && { archive: archive.access }),
    ...(listing?.access && { listing: listing.access }),
  };
  const asOf = spec.as_of === undefined ? undefined : parseInstant(spec.as_of);
  return {
    name,
    ...(archive && { archive: archive.url }),
    ...(listing && { listing: listing.url }),
    ...(Object.keys(access).length > 0 && { access }),
    synthetic: synthetic || isMadeUp(archive?.url, Object.values(targets)),
    ...(asOf !== undefined && { as_of: asOf }),
    ...(spec.ask_above !== undefined && { ask_above: spec.ask_above }),
  };
}

/** True if a target that is synthetic has this archive, so that its rows never pass for real ones (B27). */
const isMadeUp = (archive: string | undefined, targets: readonly PipelineSpec['targets'][string][]): boolean =>
  archive !== undefined && targets.some((target) => target.synthetic && target.archive === archive);

const hasUser = /:[^@]*@/;

/** Splits the secret parts off the address of an archive: the name of a built-in one, a folder, or a URL. */
function splitPlace(place: string | undefined, key: string): SplitUrl | undefined {
  if (place === undefined) return undefined;
  const isUrl = /^(?!file:)[a-z][a-z0-9+.-]*:\/\//i.test(place);
  const isFolder = /^(file:|[a-z]:\\|[./\\])/i.test(place);
  const split = isUrl ? splitUrl(place) : isFolder || !hasUser.test(place) ? { url: place } : undefined;
  if (split !== undefined) return split;
  throw new PipelineError('CONFIG_INVALID', `${key} is not a valid URL`, {
    key,
    value: hideInValue(place),
    hint: 'write it as https://user:password@host/path?query, with %40 for @, %3A for :, %2F for /, %3F for ? and %23 for # in user and password',
  });
}

/**
 * The run's clock: `--as-of`, else the target's `as_of`, else SOURCE_DATE_EPOCH (seconds), else `now`. Throws USAGE.
 */
export function resolveAsOf(options: {
  readonly flag?: string;
  readonly target: { readonly as_of?: Date };
  readonly env: Environment;
  readonly now: Date;
}): Date {
  if (options.flag !== undefined) {
    const instant = parseInstant(options.flag);
    if (instant !== undefined) return instant;
    throw new PipelineError('USAGE', `--as-of must be a UTC date or time, not \`${options.flag}\``, {
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
  throw new PipelineError('USAGE', `SOURCE_DATE_EPOCH must be seconds since 1970, not \`${epoch}\``, {
    key: 'SOURCE_DATE_EPOCH',
    value: epoch,
    hint: 'unset it, or set it to a whole number such as 1752138000',
  });
}
