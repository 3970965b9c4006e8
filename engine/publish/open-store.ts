import { PipelineError } from '../errors.ts';
import { openDirectory } from './directory.ts';
import { openBucket } from './s3.ts';
import type { Store, StoreOptions } from './store.ts';

/**
 * Opens the store at an address: `s3://bucket/prefix`, or a folder. `${NAME}` is replaced by an environment variable;
 * `flag` is the option that names another place.
 * @throws PipelineError USAGE for an address that is not valid, or a variable that is not set
 */
export function openStore(address: string, options: StoreOptions & { readonly flag: string }): Store {
  const place = address.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = options.env[name]?.trim();
    if (value) return value;
    throw new PipelineError('USAGE', `the environment variable ${name} is not set, but ${address} refers to it`, {
      key: name,
      hint: `set ${name}, or name the place with ${options.flag}`,
    });
  });
  if (/^s3:\/\//i.test(place)) return openBucket(place, options);
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(place)?.[1];
  if (scheme === undefined) return openDirectory(place, options);
  throw new PipelineError('USAGE', `publications cannot be kept at a ${scheme}:// address`, {
    value: place,
    hint: 'use s3://bucket/prefix (AWS_ENDPOINT_URL names another service than AWS), or a folder',
  });
}
