import { describe, expect, test } from 'vitest';
import { diskError } from '../../../engine/disk-error.ts';
import { PipelineError } from '../../../engine/errors.ts';

const system = (code: string, path?: string) =>
  Object.assign(new Error(`${code}: it does not go, write`), { code, ...(path !== undefined && { path }) });

describe('a full disk', () => {
  test.each([
    [system('ENOSPC'), 'the disk is full', '/data/mirror'],
    [system('EDQUOT', '/data/x.csv'), 'the disk is full', '/data/x.csv'],
    [system('EFBIG'), 'a file would grow beyond its limit', '/data/mirror'],
    [
      new Error('IO Error: Could not write file "/data/it\'s/w.duckdb.wal": No space left on device'),
      'the disk is full',
      "/data/it's/w.duckdb.wal",
    ],
    [
      new Error(
        'FATAL Error: Failed: database has been invalidated.\nOriginal error: "Could not write all bytes to file "/d/w.duckdb": File too large"',
      ),
      'a file would grow beyond its limit',
      '/d/w.duckdb',
    ],
    [new Error('INTERNAL Error: Disk quota exceeded'), 'the disk is full', '/data/mirror'],
  ])('is told as what it is, with its file: %s', (error, message, file) => {
    expect(diskError(error, '/data/mirror')).toMatchObject({
      code: 'DISK_FULL',
      message,
      details: { file, cause: error },
    });
  });

  test.each([system('EACCES'), new Error('no such column'), new PipelineError('DISK_FULL', 'told before'), 'no error'])(
    'is nothing else: %s',
    (error) => {
      expect(diskError(error, '/data')).toBe(error);
    },
  );
});
