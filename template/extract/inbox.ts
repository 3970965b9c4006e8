import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defineExtract } from 'klinehouse/engine';

const inbox = join(import.meta.dirname, '../inbox');
const header = 'order_id,day,country,amount\n';

/** One file a day, named after it: `2025-06-01.csv`. */
const filesIn = async (folder: string) => (await readdir(folder)).filter((name) => /^\d{4}-\d\d-\d\d\.csv$/.test(name));

export default defineExtract({
  /** Copies files that are new or were changed into the staging area. */
  async run({ stagingDir, signal, progress }) {
    const files = await filesIn(inbox);
    let copied = 0;
    for (const [done, name] of files.entries()) {
      signal.throwIfAborted();
      progress({ done, total: files.length, unit: 'files' });
      const text = await readFile(join(inbox, name), 'utf8');
      if (!text.startsWith(header)) throw new Error(`inbox/${name} does not begin with ${header.trim()}`);
      const staged = join(stagingDir, name);
      if (text === (await readFile(staged, 'utf8').catch(() => ''))) continue;
      await writeFile(staged, text);
      copied++;
    }
    return { status: copied === 0 ? 'no-op' : 'success', summary: { files: files.length, copied } };
  },

  /** Hands over the rows of each day, with a digest that says whether they changed since they were loaded. */
  async staged({ stagingDir }) {
    const days = new Map<string, string>();
    for (const name of await filesIn(stagingDir)) {
      days.set(name.replace('.csv', ''), await readFile(join(stagingDir, name), 'utf8'));
    }
    const digest = (text: string) => createHash('sha256').update(text).digest('hex');
    const orders = {
      partitions: new Map([...days].map(([day, text]) => [day, digest(text)])),
      writeCsv: (wanted: ReadonlySet<string>, file: string) =>
        writeFile(
          file,
          [header, ...[...days].filter(([day]) => wanted.has(day)).map(([, text]) => text.slice(header.length))].join(
            '',
          ),
        ),
    };
    return { feeds: { orders } };
  },
});
