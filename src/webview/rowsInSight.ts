/** VS Code's own lists have rows of this height, at every font size. */
export const rowHeight = 22

/** Which rows of a long list are to be drawn; the others only take their room. */
export function rowsInSight(
  count: number,
  view: { readonly scrollTop: number; readonly height: number },
): { readonly first: number; readonly end: number } {
  const first = Math.floor(view.scrollTop / rowHeight) - beyond
  const end = Math.ceil((view.scrollTop + view.height) / rowHeight) + beyond
  return { first: Math.min(Math.max(first, 0), count), end: Math.min(Math.max(end, 0), count) }
}

/** Where to scroll so that a row is wholly in sight; as it is where it is already. */
export function scrollTopFor(
  index: number,
  view: { readonly scrollTop: number; readonly height: number },
): number {
  const top = index * rowHeight
  if (top < view.scrollTop) return top
  return Math.max(view.scrollTop, top + rowHeight - view.height)
}

/** Drawn above and below, so that a quick scroll shows no gap. */
const beyond = 8
