export interface HexRow {
  /** Of its first byte, eight digits. */
  readonly offset: string
  /** Two digits a byte, with a wider gap after the eighth. */
  readonly hex: string
  /** ASCII; a dot for all else. */
  readonly text: string
}

export const bytesInRow = 16

/** Some rows of a hex dump, so that a view can ask for those it shows. */
export function hexRows(bytes: Uint8Array, firstRow: number, rows: number): HexRow[] {
  const last = Math.min(firstRow + rows, Math.ceil(bytes.length / bytesInRow))
  const shown: HexRow[] = []
  for (let row = firstRow; row < last; row++) {
    const from = row * bytesInRow
    const some = Array.from(bytes.subarray(from, from + bytesInRow))
    const digits = some.map((byte) => byte.toString(16).padStart(2, '0'))
    shown.push({
      offset: from.toString(16).padStart(8, '0'),
      hex: [digits.slice(0, 8).join(' '), digits.slice(8).join(' ')].join('  ').trimEnd(),
      text: some.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join(''),
    })
  }
  return shown
}
