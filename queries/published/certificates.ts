import { defineFiles } from '../../engine/index.ts';
import type { Database } from '../../models/schema.ts';
import { type Certificate, certify } from '../certify/certificate.ts';
import { certificatePage, indexPage } from '../certify/page.ts';
import { selectSeries } from '../certify/select.ts';

/** The certificate of each series, as `certify` writes them. */
export default defineFiles<Database>({
  async *files({ reader, synthetic, signal }) {
    const written: { file: string; certificate: Certificate }[] = [];
    for (const name of await selectSeries(reader, {})) {
      signal.throwIfAborted();
      const certificate = await certify(reader, name, { synthetic });
      const stem = `${name.instrument_type}/${name.timeframe}/${name.symbol}`;
      yield [`certificates/${stem}.json`, `${JSON.stringify(certificate, undefined, 2)}\n`];
      yield [`certificates/${stem}.md`, certificatePage(certificate)];
      // The index does not need the lists, which are long for thousands of series.
      written.push({ file: `${stem}.md`, certificate: { ...certificate, gaps: [], archives: [] } });
    }
    yield ['certificates/index.md', indexPage(written)];
  },
});
