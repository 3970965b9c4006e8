import { crc32 } from 'node:zlib';
import { formatCrc } from './crc.ts';

const field = ',"crc32":"';
const sealLength = field.length + 8 + '"}'.length;

/**
 * Adds a checksum to the text of a JSON object, as its last field. `place` says where the text belongs, so that one that is
 * put elsewhere does not count.
 */
export function seal(json: string, place = ''): string {
  const body = json.slice(0, -1);
  return `${body}${field}${checksum(body, place)}"}`;
}

/**
 * Whether a text is as `seal` made it, or was written before there were checksums. A text whose checksum cannot be
 * found although it has one is damaged.
 */
export function isIntact(text: string, place = ''): boolean {
  const at = text.length - sealLength;
  if (at < 0 || !text.startsWith(field, at) || !text.endsWith('"}')) return !text.includes('crc32');
  return text.slice(at + field.length, -2) === checksum(text.slice(0, at), place);
}

const checksum = (body: string, place: string): string => formatCrc(crc32(body, crc32(place)));
