/** The bytes of a ClientHello (RFC 8446 4.1.2), in records of at most `recordSize` bytes. */
export function helloBytes(
  options: { serverName?: string; alpn?: readonly string[]; recordSize?: number; padding?: number } = {},
): Buffer {
  const { serverName, alpn, recordSize = 16_384, padding = 0 } = options
  const extensions = [
    extension(0x0a0a, Buffer.alloc(0)), // GREASE (RFC 8701)
    ...(serverName === undefined
      ? []
      : [extension(0, vector(2, Buffer.concat([Buffer.from([0]), vector(2, Buffer.from(serverName))])))]),
    ...(alpn === undefined
      ? []
      : [extension(16, vector(2, Buffer.concat(alpn.map((name) => vector(1, Buffer.from(name))))))]),
    ...(padding === 0 ? [] : [extension(21, Buffer.alloc(padding))]),
  ]
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    vector(1, Buffer.alloc(32, 8)),
    vector(2, Buffer.from([0x13, 1])),
    vector(1, Buffer.from([0])),
    vector(2, Buffer.concat(extensions)),
  ])
  return inRecords(Buffer.concat([Buffer.from([1]), vector(3, body)]), recordSize)
}

export function inRecords(message: Buffer, recordSize: number): Buffer {
  const records: Buffer[] = []
  for (let at = 0; at < message.length; at += recordSize) {
    records.push(Buffer.from([22, 3, 1]), vector(2, message.subarray(at, at + recordSize)))
  }
  return Buffer.concat(records)
}

function extension(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(2)
  head.writeUInt16BE(type)
  return Buffer.concat([head, vector(2, body)])
}

function vector(lengthSize: number, body: Buffer): Buffer {
  const length = Buffer.alloc(lengthSize)
  length.writeUIntBE(body.length, 0, lengthSize)
  return Buffer.concat([length, body])
}
