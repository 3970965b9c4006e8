import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bufferSource, findMember, inflateMember } from '../../../extract/verify/zip.ts';
import { root } from '../../support/pipeline.ts';
import { describeShared, realArchive } from '../../support/shared.ts';

/** The columns open, high, low, close, volume, quote volume and both taker volumes. */
const doubles = [1, 2, 3, 4, 5, 7, 9, 10];

const significant = (text: string): string => text.replace('.', '').replace(/^0+|0+$/g, '');
/** True if the shortest text of the nearest double has the same digits as the published one. */
const comesBack = (text: string): boolean =>
  significant(Number(text).toExponential().replace(/e.*/, '')) === significant(text);

describeShared('values of the real archive', () => {
  test('change their digits as a DOUBLE exactly as often as the docs say', async () => {
    const directory = await realArchive();
    let values = 0;
    const changed: string[] = [];
    for (const name of readdirSync(directory, { recursive: true }) as string[]) {
      if (!name.endsWith('.zip')) continue;
      const zip = readFileSync(join(directory, name));
      const member = await findMember(bufferSource(zip), name.replace(/^.*\/|zip$/g, '').concat('csv'));
      if ('code' in member) throw new Error(`${name}: ${member.text}`);
      const csv = inflateMember(zip, member).toString();
      for (const line of csv.split('\n')) {
        if (!/^\d/.test(line)) continue;
        const fields = line.split(',');
        for (const at of doubles) {
          const text = fields[at] as string;
          values++;
          if (!comesBack(text)) changed.push(text);
        }
      }
    }
    const docs = readFileSync(join(root, 'docs/builds.md'), 'utf8');
    expect(docs).toContain(`${values.toLocaleString('en')} values in`);
    expect(docs).toContain(
      `${changed.length.toLocaleString('en')} (${((100 * changed.length) / values).toFixed(1)} %)`,
    );
    for (const text of changed) expect(significant(text).length).toBeGreaterThanOrEqual(16);
  });
});
