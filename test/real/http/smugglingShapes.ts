/** What a visitor sends, and the requests of it that the gate is to pass: none, where it refuses it at once. */
export type Shape = readonly [what: string, sent: string, seen: readonly string[]]

/** What would be smuggled. */
const hidden = 'GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n'
/** Ends the connection of a visitor whose requests were understood; its answer tells that nothing is left over. */
export const last = 'GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
export const lastSeen = 'GET /last'

const post = (fields: string, body = '', version = '1.1') =>
  `POST /seen HTTP/${version}\r\nHost: x\r\n${fields}\r\n\r\n${body}`
const get = (fields: string) => `GET /seen HTTP/1.1\r\nHost: x\r\n${fields}\r\n\r\n`
const chunked = (body: string) => post('Transfer-Encoding: chunked', body)
const refused = (what: string, sent: string): Shape => [what, `${sent}${hidden}`, []]
/** The head is good, and passed; what comes of the body is not. */
const brokenOff = (what: string, body: string): Shape => [what, `${chunked(body)}${hidden}`, ['POST /seen']]
const passed = (what: string, sent: string, ...seen: string[]): Shape => [what, sent, [...seen, lastSeen]]

const whole = '0\r\n\r\n'
/** Swallowed by who goes by the length, a request for who goes by the chunks. */
const both = (codings: string) => post(`Content-Length: ${whole.length + hidden.length}\r\n${codings}`, whole)

const lengths: readonly Shape[] = [
  ...[
    '4, 4',
    '4,5',
    '+4',
    '-4',
    '4 4',
    '0x4',
    '4.0',
    '4e0',
    '1_0',
    '',
    ' ',
    '"4"',
    '４',
    '4\v',
    '4;',
    'four',
  ].map((value) =>
    refused(`Content-Length: ${JSON.stringify(value)}`, post(`Content-Length: ${value}`, 'body')),
  ),
  refused('two lengths', post('Content-Length: 4\r\nContent-Length: 0', 'body')),
  refused('a length twice', post('Content-Length: 4\r\ncontent-length: 4', 'body')),
  refused('a length beyond 2^53', post('Content-Length: 9007199254740993', 'body')),
  refused('a length beyond 2^64', post('Content-Length: 18446744073709551620', 'body')),
  refused('a length with a zero before it', post('Content-Length: 010', '12345678')),
  passed(
    'a length of a GET',
    `GET /seen HTTP/1.1\r\nHost: x\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
    'GET /seen',
  ),
  passed(
    'a length that Connection names',
    post(`Content-Length: ${hidden.length}\r\nConnection: content-length`, hidden),
    'POST /seen',
  ),
]

const codings: readonly Shape[] = [
  refused('CL.TE', both('Transfer-Encoding: chunked')),
  refused(
    'TE.CL',
    post(
      'Transfer-Encoding: chunked\r\nContent-Length: 4',
      `${hidden.length.toString(16)}\r\n${hidden}\r\n${whole}`,
    ),
  ),
  ...[
    ...[
      'chunked, identity',
      'identity, chunked',
      'identity',
      'gzip, chunked',
      'chunked, chunked',
      'xchunked',
    ],
    ...[
      'chunked;q=1',
      '"chunked"',
      "'chunked'",
      'chunked\0',
      '\x0bchunked',
      '\x0cchunked',
      'chunked\x0b',
      'chu nked',
    ],
    ...['c\x00hunked', 'chunkeD\x85', '\xa0chunked', 'x chunked', '[chunked]', 'chunked, cow', ''],
  ].flatMap((value) => [
    refused(`Transfer-Encoding: ${JSON.stringify(value)} and a length`, both(`Transfer-Encoding: ${value}`)),
  ]),
  ...[
    'identity',
    'gzip, chunked',
    'chunked, identity',
    'chunked, chunked',
    'xchunked',
    '\x0bchunked',
    'chunked;q=1',
  ].map((value) =>
    refused(`Transfer-Encoding: ${JSON.stringify(value)}`, post(`Transfer-Encoding: ${value}`, whole)),
  ),
  refused('chunked twice', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', whole)),
  refused(
    'chunked and identity in two fields',
    post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', whole),
  ),
  refused('a space before the colon', both('Transfer-Encoding : chunked')),
  refused('a tab before the colon', both('Transfer-Encoding\t: chunked')),
  refused('a fold', both('Transfer-Encoding:\r\n chunked')),
  refused('a fold by a tab', both('X: 1\r\n\tTransfer-Encoding: chunked')),
  refused('a space before the name', both(' Transfer-Encoding: chunked')),
  refused('a bare LF before it', both('X: 1\nTransfer-Encoding: chunked')),
  refused('a bare CR before it', both('X: 1\rTransfer-Encoding: chunked')),
  refused('chunks in HTTP/1.0', post('Transfer-Encoding: chunked', whole, '1.0')),
  refused(
    'chunks that Connection names, and a length',
    both('Transfer-Encoding: chunked\r\nConnection: transfer-encoding'),
  ),
  passed('odd case', post('tRANSFER-eNCODING: CHUNKED', whole), 'POST /seen'),
  passed('a tab before the value', post('Transfer-Encoding:\tchunked', whole), 'POST /seen'),
  ['a tab after the value', post('Transfer-Encoding: chunked\t', whole + hidden), ['POST /seen']],
  passed(
    'chunks that Connection names',
    post('Transfer-Encoding: chunked\r\nConnection: transfer-encoding', whole),
    'POST /seen',
  ),
  passed(
    'a name with an underscore',
    post('Transfer_Encoding: chunked\r\nContent-Length: 4', 'body'),
    'POST /seen',
  ),
  passed('chunks of a GET', `${get('Transfer-Encoding: chunked')}${whole}`, 'GET /seen'),
]

const chunks: readonly Shape[] = [
  ...[
    '+5',
    '-5',
    '0x5',
    ' 5',
    '5 ',
    '5\t',
    '5_0',
    '5g',
    '',
    ';',
    '5,',
    '５',
    'fffffffffffffffff',
    '10000000000000000',
  ].map((size) => brokenOff(`a chunk of size ${JSON.stringify(size)}`, `${size}\r\nhello\r\n${whole}`)),
  brokenOff('a bare LF after a size', `5\nhello\r\n${whole}`),
  brokenOff('a bare CR after a size', `5\rhello\r\n${whole}`),
  brokenOff('two CR after a size', `5\r\r\nhello\r\n${whole}`),
  brokenOff('a bare LF after a chunk', `5\r\nhello\n${whole}`),
  brokenOff('nothing after a chunk', `5\r\nhello${whole}`),
  brokenOff('more than the size says', `5\r\nhello!\r\n${whole}`),
  brokenOff('a bare LF in an extension', `5;a=b\nc\r\nhello\r\n${whole}`),
  brokenOff('a bare CR in an extension', `5;a=b\rc\r\nhello\r\n${whole}`),
  brokenOff('a line end in a quoted extension', `5;a="\r\nX\r\n\r\n"\r\nhello\r\n${whole}`),
  brokenOff('a bare LF in an extension that hides a chunk', `2;\nxx\r\n4c\r\n0\r\n\r\n${hidden}`),
  brokenOff('a bare LF after the last size', '0\n\r\n'),
  brokenOff('a bare LF at the end', '0\r\n\n'),
  brokenOff('a fold in a trailer', '0\r\nX: 1\r\n y\r\n\r\n'),
  brokenOff('a space before the colon of a trailer', '0\r\nX : 1\r\n\r\n'),
  brokenOff('a bare LF in a trailer', '0\r\nX: 1\nY: 2\r\n\r\n'),
  passed('an extension', chunked(`5;a=b\r\nhello\r\n${whole}`), 'POST /seen'),
  passed('a quoted extension', chunked(`5;a="b;c"\r\nhello\r\n${whole}`), 'POST /seen'),
  passed('sizes with zeros and capitals', chunked(`000A\r\n0123456789\r\n000\r\n\r\n`), 'POST /seen'),
  passed(
    'a request inside a chunk',
    chunked(`${hidden.length.toString(16)}\r\n${hidden}\r\n${whole}`),
    'POST /seen',
  ),
  brokenOff('a trailer with a length', '0\r\nContent-Length: 9\r\n\r\n'),
  brokenOff('a trailer with a coding', '0\r\nTransfer-Encoding: chunked\r\n\r\n'),
  passed('trailers that are none', chunked('0\r\nHost: y\r\nConnection: x\r\nX: 1\r\n\r\n'), 'POST /seen'),
]

const lines: readonly Shape[] = [
  ...[
    'GET /seen\r\n',
    'GET /seen HTTP/0.9\r\nHost: x\r\n',
    'GET /seen HTTP/1.2\r\nHost: x\r\n',
    'GET /seen HTTP/2.0\r\nHost: x\r\n',
  ].map((head) => refused(`another version: ${JSON.stringify(head)}`, `${head}\r\n`)),
  refused('the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  refused('a version in small letters', 'GET /seen http/1.1\r\nHost: x\r\n\r\n'),
  refused('a version with more digits', 'GET /seen HTTP/1.10\r\nHost: x\r\n\r\n'),
  refused('a space in the target', 'GET /seen /hidden HTTP/1.1\r\nHost: x\r\n\r\n'),
  refused('a tab for a space', 'GET\t/seen\tHTTP/1.1\r\nHost: x\r\n\r\n'),
  refused('a bare LF after the first line', 'GET /seen HTTP/1.1\nHost: x\r\n\r\n'),
  refused('a bare CR in the target', 'GET /seen\r/hidden HTTP/1.1\r\nHost: x\r\n\r\n'),
  refused('a NUL in the target', 'GET /se\0en HTTP/1.1\r\nHost: x\r\n\r\n'),
  refused('a fragment', 'GET /seen#/hidden HTTP/1.1\r\nHost: x\r\n\r\n'),
  refused('CONNECT', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n'),
  refused('CONNECT of a path', 'CONNECT /seen HTTP/1.1\r\nHost: x\r\n\r\n'),
  passed('GET of *', 'GET * HTTP/1.1\r\nHost: x\r\n\r\n', 'GET *'),
  refused('a target without a slash', 'GET seen HTTP/1.1\r\nHost: x\r\n\r\n'),
  refused('no target', 'GET  HTTP/1.1\r\nHost: x\r\n\r\n'),
  refused('an unknown method', 'SEEN / HTTP/1.1\r\nHost: x\r\n\r\n'),
  refused('a method in small letters', 'get /seen HTTP/1.1\r\nHost: x\r\n\r\n'),
  refused('a whole URL of another scheme', 'GET ftp://x/seen HTTP/1.1\r\nHost: x\r\n\r\n'),
  refused('a whole URL with a user', 'GET http://x@y/seen HTTP/1.1\r\nHost: x\r\n\r\n'),
  passed('OPTIONS *', 'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n', 'OPTIONS *'),
  passed('a whole URL and another Host', 'GET http://y/seen HTTP/1.1\r\nHost: x\r\n\r\n', 'GET /seen'),
  passed('empty lines before', '\r\n\r\nGET /seen HTTP/1.1\r\nHost: x\r\n\r\n', 'GET /seen'),
]

const fields: readonly Shape[] = [
  ...['y', ''].map((value) => refused(`two Host: ${value}`, get(`Host: ${value}`))),
  ...['a@b', 'a/b', 'a b', 'a\\b', 'a?b', 'a#b', 'a:b', 'a:1:2', '[x]', 'é'].map((host) =>
    refused(`Host: ${host}`, `GET /seen HTTP/1.1\r\nHost: ${host}\r\n\r\n`),
  ),
  refused('no Host', 'GET /seen HTTP/1.1\r\n\r\n'),
  refused('an empty name', get(': 1')),
  refused('no colon', get('Field')),
  ...['\0', '\x7f', '\xe4', ' ', '\t', '(', '"', '@', '{', '\\', ','].map((char) =>
    refused(`${JSON.stringify(char)} in a name`, get(`X${char}Y: 1`)),
  ),
  ...['\0', '\x01', '\x08', '\x0b', '\x7f', '\r', '\n'].map((char) =>
    refused(`${JSON.stringify(char)} in a value`, get(`X: a${char}b`)),
  ),
  refused('a fold', get('X: a\r\n b')),
  refused('a fold of the first field', 'GET /seen HTTP/1.1\r\n X: a\r\nHost: x\r\n\r\n'),
  refused('a bare CR at the end of the head', 'GET /seen HTTP/1.1\r\nHost: x\r\n\r\r\n'),
  refused('a bare LF at the end of the head', 'GET /seen HTTP/1.1\r\nHost: x\r\n\n'),
  refused('Expect: something else', get('Expect: 200-ok')),
  refused('Expect twice', get('Expect: 100-continue, x')),
  passed('Host that Connection names', get('Connection: host'), 'GET /seen'),
  passed(
    'an upgrade with a body',
    post(`Content-Length: ${hidden.length}\r\nConnection: Upgrade\r\nUpgrade: x`, hidden),
    'POST /seen',
  ),
  passed(
    'an upgrade to h2c',
    get('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk'),
    'GET /seen',
  ),
  passed('Expect with a body', post('Expect: 100-continue\r\nContent-Length: 4', 'body'), 'POST /seen'),
  passed('bytes above ASCII in a value', get('X: \xe4\xff'), 'GET /seen'),
]

export const shapes: readonly Shape[] = [...lengths, ...codings, ...chunks, ...lines, ...fields]
