import { compareKeys, type ListedObject, type ObjectStore, pageOf } from '../archive/store.ts';
import { createObjects } from './objects.ts';

export const defaultSeed = 'klinehouse';

export interface SampleOptions {
  /** Another seed gives other prices and volumes of the same symbols and cases. */
  readonly seed?: string | number;
  /** Only what is published by then exists. An object's bytes never depend on it, except for a re-issue (A18). */
  readonly asOf: Date;
}

/**
 * The built-in sample archive: synthetic klines of USD-M and of spot, made on demand, the same bytes for the same seed.
 * cases.ts says which awkward cases of the real archive it has, and where.
 */
export function createSampleStore({ seed = defaultSeed, asOf }: SampleOptions): ObjectStore {
  const objects = new Map(createObjects(String(seed), asOf.getTime()).map((object) => [object.key, object]));
  const keys = [...objects.keys()].sort(compareKeys);

  function listed(key: string): ListedObject[] {
    const object = objects.get(key);
    if (!object) return [];
    const { size, etag } = object.summary();
    return [{ key, size, etag, lastModified: object.lastModified }];
  }

  return {
    async list(options) {
      const { keys: onPage, ...page } = pageOf(keys, options);
      return { contents: onPage.flatMap(listed), ...page };
    },
    async read(key) {
      const object = objects.get(key);
      if (!object) return undefined;
      return { body: object.body(), etag: object.summary().etag, lastModified: object.lastModified };
    },
  };
}
