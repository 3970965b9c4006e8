import { describe, expect, test } from 'vitest';
import { bufferSource, findMember, inflateMember } from '../../../extract/verify/zip.ts';
import { zipOf } from '../../support/zip.ts';

const name = 'BTCUSDT-1d-2025-06-17.csv';
const content = Buffer.from('1750118400000,1,2,3\n'.repeat(50));

/** Returns the content of a zip, or the code of why there is none. */
async function read(zip: Buffer, wanted = name): Promise<string> {
  const member = await findMember(bufferSource(zip), wanted);
  if ('code' in member) return member.code;
  const found = inflateMember(zip, member);
  return Buffer.isBuffer(found) ? found.toString() : found.code;
}

const good = () => zipOf(name, content);
const central = (zip: Buffer) => zip.indexOf('PK\x01\x02', 'latin1');
const end = (zip: Buffer) => zip.length - 22;

function changed(change: (zip: Buffer) => void, zip = good()): Buffer {
  change(zip);
  return zip;
}

/** The same with the member stored instead of deflated. */
function stored(): Buffer {
  const zip = good();
  const dataAt = 30 + name.length;
  const packed = central(zip) - dataAt;
  const parts = [zip.subarray(0, dataAt), content, zip.subarray(dataAt + packed)];
  return changed((it) => {
    for (const at of [8, central(it) + 10]) it.writeUInt16LE(0, at);
    for (const at of [18, central(it) + 20]) it.writeUInt32LE(content.length, at);
    it.writeUInt32LE(central(it), end(it) + 16);
  }, Buffer.concat(parts));
}

describe('a zip of the archive', () => {
  test('is read', async () => expect(await read(good())).toBe(content.toString()));
  test('may store its member uncompressed', async () => expect(await read(stored())).toBe(content.toString()));
  test('may be of any symbol', async () => {
    const other = '币安人生USDT-1d-2025-06-17.csv';
    expect(await read(zipOf(other, content), other)).toBe(content.toString());
  });
  test('may be empty', async () => expect(await read(zipOf(name, ''))).toBe(''));
});

describe('refused is', () => {
  const bomb = Buffer.alloc(200_000);

  test.each([
    ['html', 'a web page', Buffer.from('<!DOCTYPE html><html></html>')],
    ['not_a_zip', 'nothing', Buffer.alloc(0)],
    ['not_a_zip', 'garbage', Buffer.alloc(300, 7)],
    ['not_a_zip', 'a zip after other bytes', Buffer.concat([Buffer.from('MZ'), good()])],
    ['zip_truncated', 'A20: a zip without its end', good().subarray(0, 100)],
    ['zip_truncated', 'a zip without its last byte', good().subarray(0, -1)],
    ['zip_members', 'an empty zip', changed((zip) => void zip.writeUInt16LE(0, end(zip) + 10))],
    [
      'zip_members',
      'a zip of two members',
      changed(
        (zip) => {
          zip.writeUInt16LE(2, end(zip) + 10);
          zip.writeUInt32LE(central(zip), end(zip) + 16);
        },
        Buffer.concat([good().subarray(0, end(good())), good().subarray(central(good()))]),
      ),
    ],
    ['zip_member_name', 'A20: a zip of another archive', zipOf('ETHUSDT-1d-2025-06-17.csv', content)],
    ['zip_member_name', 'a member with ../ in its name', zipOf(`../../${name}`, content)],
    ['zip_structure', 'another name at the place of the member', changed((zip) => void zip.write('X', 30))],
    ['zip_structure', 'an invalid directory', changed((zip) => void zip.writeUInt8(0, central(zip)))],
    ['zip_structure', 'a member that is elsewhere', changed((zip) => void zip.writeUInt32LE(7, central(zip) + 42))],
    [
      'zip_structure',
      'a member that reaches into the directory',
      changed((zip) => void zip.writeUInt32LE(zip.length, central(zip) + 20)),
    ],
    ['zip_method', 'an encrypted member', changed((zip) => void zip.writeUInt16LE(1, central(zip) + 8))],
    ['zip_method', 'another compression method', changed((zip) => void zip.writeUInt16LE(12, central(zip) + 10))],
    ['zip_bomb', 'a member that grows a thousandfold', zipOf(name, bomb)],
    ['zip_bomb', 'a member of 4 GB', changed((zip) => void zip.writeUInt32LE(0xfffffffe, central(zip) + 24))],
    [
      'zip_corrupt',
      'a bomb that calls itself small',
      changed((zip) => void zip.writeUInt32LE(1_000, central(zip) + 24), zipOf(name, bomb)),
    ],
    [
      'zip_corrupt',
      'a member that is shorter than stated',
      changed((zip) => void zip.writeUInt32LE(content.length + 1, central(zip) + 24)),
    ],
    [
      'zip_corrupt',
      'a member that is longer than stated',
      changed((zip) => void zip.writeUInt32LE(content.length - 1, central(zip) + 24)),
    ],
    [
      'zip_corrupt',
      'a member that does not inflate',
      changed((zip) => void zip.fill(0xff, 30 + name.length, 34 + name.length)),
    ],
    ['crc_mismatch', 'B22: a wrong CRC', changed((zip) => void zip.writeUInt32LE(0xdeadbeef, central(zip) + 16))],
    [
      'crc_mismatch',
      'B22: other bytes of the same length',
      changed((zip) => {
        const other = Buffer.from(content);
        other[3] = 0x39;
        other.copy(zip, 30 + name.length);
      }, stored()),
    ],
  ])('%s: %s', async (code, _what, zip) => expect(await read(zip)).toBe(code));

  test('a zip that is truncated anywhere is refused', async () => {
    for (let length = 0; length < good().length; length += 7) {
      expect(await read(good().subarray(0, length))).toMatch(/^(not_a_zip|zip_truncated)$/);
    }
  });
});
