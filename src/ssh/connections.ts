import { Connection } from './connection'

type ConnectionOptions = ConstructorParameters<typeof Connection>[0]

/** The connections in use, one for each server. */
export class Connections {
  private readonly inUse = new Map<string, Connection>()

  /** The server's connection, made when it is first asked for. `key` tells servers apart. */
  get(key: string, options: Omit<ConnectionOptions, 'onUnused'>): Connection {
    const existing = this.inUse.get(key)
    if (existing) return existing
    const connection = new Connection({
      ...options,
      onUnused: () => {
        if (this.inUse.get(key) === connection) this.inUse.delete(key)
      },
    })
    this.inUse.set(key, connection)
    return connection
  }

  /** Closes those that nobody uses, without the moment they are kept for. */
  closeUnused(): void {
    for (const connection of [...this.inUse.values()]) connection.closeIfUnused()
  }

  get size(): number {
    return this.inUse.size
  }
}
