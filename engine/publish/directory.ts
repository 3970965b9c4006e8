import { hash, randomUUID } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { copyFile, link, mkdir, readdir, readFile, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileDigest, isBelow, syncFile, writeWhole } from '../disk.ts';
import { machineFault } from '../machine-fault.ts';
import { lockTarget } from '../target/lock.ts';
import { blocked, type LocalFile, type Store, type StoreOptions } from './store.ts';

const isMissing = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');

/** Returns everything below a folder, also while another publisher removes parts of it; nothing if it is not there. */
async function entriesOf(folder: string): Promise<readonly Dirent[]> {
  for (;;) {
    try {
      return await readdir(folder, { recursive: true, withFileTypes: true });
    } catch (error) {
      if (!isMissing(error)) throw error;
      if (!(await stat(folder).catch(() => undefined))?.isDirectory()) return [];
    }
  }
}

/** Publications in a folder. A file is linked into place when it is complete; unchanged ones are one file on the disk. */
export function openDirectory(folder: string, { signal, cwd }: StoreOptions): Store {
  const root = path.resolve(cwd, folder);
  const at = (name: string) => path.join(root, ...name.split('/'));
  const asideOf = (file: string) => `${file}.${randomUUID()}.part`;

  async function place(name: string, file: string, wanted: Pick<LocalFile, 'sha256'>): Promise<void> {
    const to = at(name);
    await mkdir(path.dirname(to), { recursive: true });
    try {
      await link(file, to);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if ((await stat(to)).isDirectory() || (await fileDigest(to)) !== wanted.sha256) throw blocked(name, root);
    }
  }

  async function copyInto(name: string, from: string, wanted: Pick<LocalFile, 'sha256'>): Promise<void> {
    signal.throwIfAborted();
    const aside = asideOf(at(name));
    try {
      await mkdir(path.dirname(aside), { recursive: true });
      await copyFile(from, aside);
      await syncFile(aside);
      await place(name, aside, wanted);
    } catch (error) {
      // A file has the name of a folder.
      const isInTheWay = ['ENOTDIR', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '');
      throw isInTheWay ? blocked(name, root) : machineFault(error, at(name));
    } finally {
      await rm(aside, { force: true }).catch(() => {});
    }
  }

  return {
    address: root,
    async read(name) {
      try {
        const bytes = await readFile(at(name));
        return { bytes, tag: hash('sha256', bytes) };
      } catch (error) {
        if (isMissing(error)) return undefined;
        if ((error as NodeJS.ErrnoException).code === 'EISDIR') throw blocked(name, root);
        throw machineFault(error, at(name));
      }
    },
    async fetch(name, file) {
      signal.throwIfAborted();
      try {
        await copyFile(at(name), file);
        return true;
      } catch (error) {
        if (isMissing(error)) return false;
        throw machineFault(error, at(name));
      }
    },
    add: (name, local) => copyInto(name, local.file, local),
    async copy(from, name, wanted) {
      signal.throwIfAborted();
      try {
        await place(name, at(from), wanted);
      } catch (error) {
        // A file system without links, or with a limit on them.
        if (!['EPERM', 'EMLINK', 'ENOTSUP', 'EXDEV'].includes((error as NodeJS.ErrnoException).code ?? ''))
          throw machineFault(error, at(name));
        await copyInto(name, at(from), wanted);
      }
    },
    async replace(name, bytes, tag) {
      await using _lock = await lockTarget(path.join(root, '.lock'), {
        command: 'pipeline publish',
        since: new Date(),
        wait: true,
        signal,
      });
      const now = await this.read(name);
      if (now?.tag !== tag) return false;
      writeWhole(at(name), bytes, { sync: true });
      return true;
    },
    async list(folderName) {
      const entries = await entriesOf(at(folderName)).catch((error) => {
        throw machineFault(error, at(folderName));
      });
      return entries
        .filter((entry) => !entry.isDirectory())
        .map(({ parentPath, name }) => path.relative(root, path.join(parentPath, name)).split(path.sep).join('/'))
        .sort();
    },
    async names(folderName) {
      try {
        return (await readdir(at(folderName))).sort();
      } catch (error) {
        if (isMissing(error)) return [];
        throw machineFault(error, at(folderName));
      }
    },
    async remove(names) {
      for (const name of names) {
        signal.throwIfAborted();
        await rm(at(name), { force: true });
        await removeEmpty(path.dirname(at(name)));
      }
    },
  };

  /** Removes folders that have become empty, up to the root. */
  async function removeEmpty(directory: string): Promise<void> {
    for (let one = directory; isBelow(one, root); one = path.dirname(one)) {
      try {
        await rmdir(one);
      } catch {
        return;
      }
    }
  }
}
