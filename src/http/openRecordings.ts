import type { Recording } from './recording'

/**
 * Those that are not over yet. Each has a place in a list, and leaves it to the next: a Map or a Set to which thousands
 * come and go leaves old tables behind, and V8 keeps what these held until it collects everything.
 */
export class OpenRecordings {
  private readonly places: (OpenRecording | undefined)[] = []
  private readonly free: number[] = []

  add(id: number, recording: Recording): OpenRecording {
    const place = this.free.pop() ?? this.places.length
    const entry = { id, recording, place, hasChanged: false }
    this.places[place] = entry
    return entry
  }

  delete({ place, id }: OpenRecording): void {
    if (this.places[place]?.id !== id) return
    this.places[place] = undefined
    this.free.push(place)
  }

  /** Those that have changed since the last time. */
  changed(): OpenRecording[] {
    const changed: OpenRecording[] = []
    for (const entry of this.places) {
      if (entry?.hasChanged !== true) continue
      entry.hasChanged = false
      changed.push(entry)
    }
    return changed
  }

  /** They have given way: nothing more of them is kept. */
  letGo(ids: readonly number[]): void {
    for (const entry of this.places) {
      if (entry === undefined || !ids.includes(entry.id)) continue
      entry.recording.letGo()
      this.delete(entry)
    }
  }
}

export interface OpenRecording {
  readonly id: number
  readonly recording: Recording
  /** In the list. */
  readonly place: number
  /** More has come than the store has. */
  hasChanged: boolean
}
