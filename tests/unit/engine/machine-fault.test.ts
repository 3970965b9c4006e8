import { describe, expect, test } from 'vitest';
import { PipelineError } from '../../../engine/errors.ts';
import { machineFault } from '../../../engine/machine-fault.ts';

const system = (code: string, path?: string) =>
  Object.assign(new Error(`${code}: it does not go, write`), { code, ...(path !== undefined && { path }) });

describe('a fault of the machine', () => {
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
  ])('is recognized, with its file: %s', (error, message, file) => {
    expect(machineFault(error, '/data/mirror')).toMatchObject({
      code: 'DISK_FULL',
      message,
      details: { file, cause: error },
    });
  });

  test.each([
    ['EROFS', 'READ_ONLY'],
    ['EACCES', 'PERMISSION_DENIED'],
    ['EPERM', 'PERMISSION_DENIED'],
    ['ENAMETOOLONG', 'NAME_TOO_LONG'],
    ['EMFILE', 'TOO_MANY_FILES'],
    ['EISDIR', 'PATH_INVALID'],
    ['ENOTDIR', 'PATH_INVALID'],
    ['ELOOP', 'PATH_INVALID'],
    ['EIO', 'DISK_FAILED'],
  ])('%s is %s at its path', (errno, code) => {
    expect(machineFault(system(errno, '/data/x'))).toMatchObject({ code, details: { file: '/data/x' } });
  });

  test.each([
    ['IO Error: Cannot open file "/d/w.duckdb": Permission denied', 'PERMISSION_DENIED'],
    ['IO Error: Cannot open file "/d/x.parquet": Read-only file system', 'READ_ONLY'],
    ['IO Error: Cannot open file "/d/x.csv": Too many open files', 'TOO_MANY_FILES'],
    ['IO Error: Could not read from file "/d/w.duckdb": Input/output error', 'DISK_FAILED'],
    ['Out of Memory Error: could not allocate block of size 256.0 KiB (25.6 MiB/25.6 MiB used)', 'OUT_OF_MEMORY'],
  ])('DuckDB: %s', (message, code) => {
    expect(machineFault(new Error(message))).toMatchObject({ code });
  });

  test.each([
    Object.assign(system('EACCES'), { syscall: 'connect' }),
    new Error("Conversion Error: Could not convert string 'Permission denied' to INT32"),
    new Error('no such column'),
    new PipelineError('DISK_FULL', 'told before'),
    'no error',
  ])('is not seen in: %s', (error) => {
    expect(machineFault(error, '/data')).toBe(error);
  });
});
