/** A path that stands for itself to DuckDB: `data[1]` would read its sibling `data1`. */
export const escapeGlob = (file: string): string => file.replaceAll(/[*?[]/g, '[$&]');
