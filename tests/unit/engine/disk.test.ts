import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { asideOf, replaceFile } from '../../../engine/aside.ts';
import { freeBytes, readSums, sumsFile, sumsText, writeAside, writeWhole } from '../../../engine/disk.ts';
import { tempDir } from '../../support/temp.ts';

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await tempDir();
  file = join(directory, 'file');
});
/** A device that accepts no bytes, in the place where a file is written. */
const fillDisk = (place: string) => symlinkSync('/dev/full', place);
const modeOf = (path: string) => statSync(path).mode & 0o777;

describe('writing whole', () => {
  test('leaves only the file', () => {
    const deep = join(directory, 'deep/er/file');
    writeWhole(deep, 'x');
    writeWhole(deep, Buffer.from('y'), { sync: true });
    expect(readdirSync(join(directory, 'deep/er'))).toEqual(['file']);
    expect(readFileSync(deep, 'utf8')).toBe('y');
  });

  test('that fails leaves the old file', () => {
    mkdirSync(file);
    expect(() => writeWhole(file, 'x')).toThrow('expected a file, but this is a folder');
    expect(readdirSync(directory)).toEqual(['file']);
  });

  test('says DISK_FULL, with the file, and keeps the old one', () => {
    writeWhole(file, 'old');
    fillDisk(asideOf(file));
    expect(() => writeWhole(file, 'new')).toThrow(
      expect.objectContaining({ code: 'DISK_FULL', details: expect.objectContaining({ file }) }),
    );
    expect(readdirSync(directory)).toEqual(['file']);
    expect(readFileSync(file, 'utf8')).toBe('old');
  });

  test("on a thread passes the system's error on", () => {
    fillDisk(asideOf(file));
    expect(() => replaceFile(file, 'x')).toThrow(expect.objectContaining({ code: 'ENOSPC', path: file }));
    expect(readdirSync(directory)).toEqual([]);
  });

  test('gives a file its permissions, whatever a killed process left aside', () => {
    writeFileSync(asideOf(file), 'half', { mode: 0o644 });
    writeWhole(file, 'x', { mode: 0o600 });
    expect([modeOf(file), readFileSync(file, 'utf8')]).toEqual([0o600, 'x']);
  });
});

describe('writing aside', () => {
  const write = (text: string) => async (aside: string) => {
    writeFileSync(aside, text);
    return text.length;
  };

  test("renames the written file and returns the writer's result", async () => {
    expect(await writeAside(file, write('x'))).toBe(1);
    expect([readdirSync(directory), readFileSync(file, 'utf8')]).toEqual([['file'], 'x']);
  });

  test('that fails leaves only the old file', async () => {
    await writeAside(file, write('old'));
    const failing = async (aside: string) => {
      await write('half')(aside);
      throw new Error('no more');
    };
    await expect(writeAside(file, failing)).rejects.toThrow('no more');
    expect([readdirSync(directory), readFileSync(file, 'utf8')]).toEqual([['file'], 'old']);
  });

  test('says DISK_FULL, also with an explicit place', async () => {
    const other = join(directory, '.other.part');
    fillDisk(other);
    await expect(writeAside(file, write('x'), other)).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe('free bytes', () => {
  test('are those that df reports', async () => {
    const told = Number(execFileSync('df', ['--output=avail', '-B1', directory], { encoding: 'utf8' }).split('\n')[1]);
    const near = 500_000_000; // other processes write meanwhile
    expect(Math.abs((await freeBytes(directory)) - told)).toBeLessThan(near);
  });

  test('of a folder that does not exist yet are those of its parent', async () => {
    const deep = join(directory, 'not/yet');
    expect(await freeBytes(deep)).toBeGreaterThan(0);
    expect(existsSync(join(directory, 'not'))).toBe(false);
  });

  test('of a path through a file are an error', async () => {
    writeFileSync(file, '');
    await expect(freeBytes(join(file, 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });
});

describe('SHA256SUMS', () => {
  const sum = (name: string) => execFileSync('sha256sum', [name], { cwd: directory, encoding: 'utf8' });

  test('is sorted by name, as sha256sum writes and reads it', async () => {
    for (const name of ['b.sql', 'a b.parquet', 'a.sql']) writeFileSync(join(directory, name), name);
    const written = ['a b.parquet', 'a.sql', 'b.sql'].map(sum).join('');
    const sums = ['b.sql', 'a.sql', 'a b.parquet'].map((name) => [name, sum(name).slice(0, 64)] as const);
    expect(sumsText(sums)).toBe(written);
    writeWhole(join(directory, sumsFile), sumsText(sums));
    expect(execFileSync('sha256sum', ['-c', sumsFile], { cwd: directory, encoding: 'utf8' })).toContain(
      'a b.parquet: OK',
    );
    expect(await readSums(directory)).toEqual({ text: written, sums: new Map(sums) });
  });

  test('of a folder without one are empty', async () => {
    expect(await readSums(directory)).toEqual({ text: '', sums: new Map() });
  });
});
