import { crc32, deflateRawSync } from 'node:zlib';

/** A zip of one deflated member, laid out as the publisher's are; written here so that tests do not share code with what they test. */
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
