import { hash } from 'node:crypto';

const longest = 100;

/** A file name for a node that may be named after columns of any name; what no file name may hold is left to a digest. */
export function fileNameOf(name: string): string {
  const plain = name.replace(/[^\w.-]+/g, '_').slice(0, longest);
  return plain === name && !name.startsWith('.') ? name : `${plain}-${hash('md5', name).slice(0, 8)}`;
}
