import { closest, PipelineError } from '../errors.ts';
import type { Target } from '../extract.ts';
import { hideInValue, type SplitUrl, splitUrl } from '../secrets.ts';
import { parseInstant } from '../units.ts';
import type { Pipeline } from './load.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A target, with its own clock if pipeline.yaml sets one. */
export type ResolvedTarget = Target & {
  readonly listing: string;
  readonly as_of?: Date;
  /** Bytes. */
  readonly ask_above?: number;
};

/** The name of the generated archive. */
const sample = 'sample';

/** An empty variable counts as unset. */
const read = (env: Environment, name: string): string | undefined => env[name]?.trim() || undefined;

/**
 * Returns the target of a run: `--target`, else PIPELINE_TARGET, else `default_target`.
 * PIPELINE_ARCHIVE_URL and PIPELINE_LISTING_URL override its hosts; an archive without its own listing is listed at its
 * own address. A synthetic target is never redirected. Throws USAGE for an unknown name, CONFIG_INVALID for an invalid
 * URL.
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
  const synthetic = spec.synthetic || spec.archive === sample;
  const archiveUrl = synthetic ? undefined : read(options.env, 'PIPELINE_ARCHIVE_URL');
  const listingUrl = synthetic ? undefined : read(options.env, 'PIPELINE_LISTING_URL');
  const archive = splitPlace(
    archiveUrl ?? spec.archive,
    archiveUrl ? 'PIPELINE_ARCHIVE_URL' : `targets.${name}.archive`,
  );
  const listing =
    listingUrl !== undefined
      ? splitPlace(listingUrl, 'PIPELINE_LISTING_URL')
      : archiveUrl === undefined && spec.listing !== undefined
        ? splitPlace(spec.listing, `targets.${name}.listing`)
        : archive;
  const access = {
    ...(archive.access && { archive: archive.access }),
    ...(listing.access && { listing: listing.access }),
  };
  const asOf = spec.as_of === undefined ? undefined : parseInstant(spec.as_of);
  return {
    name,
    archive: archive.url,
    listing: listing.url,
    ...(Object.keys(access).length > 0 && { access }),
    synthetic: synthetic || archive.url === sample,
    ...(asOf !== undefined && { as_of: asOf }),
    ...(spec.ask_above !== undefined && { ask_above: spec.ask_above }),
  };
}

const hasUser = /:[^@]*@/;

/** Splits the secret parts off the address of an archive: the name of a built-in one, a folder, or a URL. */
function splitPlace(place: string, key: string): SplitUrl {
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
