import { crc32, deflateRawSync } from 'node:zlib';

/**
 * A zip with one deflated member in the publisher's layout, written here so that tests share no code with what they
 * test.
 */
export function zipOf(name: string, content: string | Uint8Array): Buffer {
  const data = Buffer.from(content as string);
  const packed = deflateRawSync(data);
  const path = Buffer.from(name);
  const [isUtf8, deflate, day] = [0x0800, 8, 0x5621];
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(20, 0); // version needed
  fields.writeUInt16LE(isUtf8, 2);
  fields.writeUInt16LE(deflate, 4);
  fields.writeUInt16LE(0, 6); // time
  fields.writeUInt16LE(day, 8);
  fields.writeUInt32LE(crc32(data), 10);
  fields.writeUInt32LE(packed.length, 14);
  fields.writeUInt32LE(data.length, 18);
  fields.writeUInt16LE(path.length, 22);
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, path, packed]);
  const central = Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.from([20, 3]), fields, Buffer.alloc(14), path]);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, central, end]);
}

/** The same zip with every size and offset in zip64 records. */
export function asZip64(zip: Buffer): Buffer {
  const at = zip.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  const end = Buffer.from(zip.subarray(at));
  const offset = end.readUInt32LE(16);
  const nameLength = zip.readUInt16LE(offset + 28);
  const extraLength = zip.readUInt16LE(offset + 30);
  const fixed = Buffer.from(zip.subarray(offset, offset + 46));
  const extra = Buffer.alloc(28);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(24, 2);
  for (const [i, field] of [24, 20, 42].entries()) {
    extra.writeBigUInt64LE(BigInt(fixed.readUInt32LE(field)), 4 + 8 * i);
    fixed.writeUInt32LE(0xffffffff, field);
  }
  fixed.writeUInt16LE(extraLength + extra.length, 30);
  const rest = zip.subarray(offset + 46, at);
  const entry = Buffer.concat([fixed, rest.subarray(0, nameLength), extra, rest.subarray(nameLength)]);
  const records = Buffer.alloc(56 + 20);
  records.write('PK\x06\x06', 'latin1');
  records.writeBigUInt64LE(44n, 4);
  for (const place of [24, 32]) records.writeBigUInt64LE(1n, place);
  records.writeBigUInt64LE(BigInt(entry.length), 40);
  records.writeBigUInt64LE(BigInt(offset), 48);
  records.write('PK\x06\x07', 56, 'latin1');
  records.writeBigUInt64LE(BigInt(offset + entry.length), 56 + 8);
  records.writeUInt32LE(1, 56 + 16);
  end.fill(0xff, 8, 20);
  return Buffer.concat([zip.subarray(0, offset), entry, records, end]);
}
