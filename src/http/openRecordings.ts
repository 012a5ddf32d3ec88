import { Places } from '../base/places'
import type { Recording } from './recording'

/** Those that are not over yet. */
export class OpenRecordings {
  private readonly open = new Places<Recording>()

  get size(): number {
    return this.open.size
  }

  add(recording: Recording): void {
    recording.place = this.open.add(recording)
  }

  delete(recording: Recording): void {
    this.open.delete(recording.place, recording)
  }

  /** Those that have changed since the last time. */
  changed(): Recording[] {
    const changed = this.open.all.filter(({ hasChanged }) => hasChanged)
    for (const recording of changed) recording.hasChanged = false
    return changed
  }

  /** Of those that have given way nothing more is kept. */
  letGo(hasGivenWay: (recording: Recording) => boolean): void {
    for (const recording of this.open.all) {
      if (!hasGivenWay(recording)) continue
      recording.letGo()
      this.delete(recording)
    }
  }
}
