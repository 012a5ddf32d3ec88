import { Places } from '../base/places'
import type { Recording } from './recording'

/** Those that are not over yet. */
export class OpenRecordings {
  private readonly open = new Places<OpenRecording>()

  add(id: number, recording: Recording): OpenRecording {
    const entry = { id, recording, place: 0, hasChanged: false }
    entry.place = this.open.add(entry)
    return entry
  }

  delete(entry: OpenRecording): void {
    this.open.delete(entry.place, entry)
  }

  /** Those that have changed since the last time. */
  changed(): OpenRecording[] {
    const changed: OpenRecording[] = []
    for (const entry of this.open.all) {
      if (!entry.hasChanged) continue
      entry.hasChanged = false
      changed.push(entry)
    }
    return changed
  }

  get size(): number {
    return this.open.size
  }

  /** Of those that have given way nothing more is kept. */
  letGo(hasGivenWay: (entry: OpenRecording) => boolean): void {
    for (const entry of this.open.all) {
      if (!hasGivenWay(entry)) continue
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
