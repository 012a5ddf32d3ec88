/**
 * `@peculiar/x509` 2 builds its parts with tsyringe, which will not load before `Reflect.getMetadata` exists.
 * None of what we call has constructor metadata, so these three do instead of the package reflect-metadata.
 */
const metadata = new WeakMap<object, Map<unknown, unknown>>()

Object.assign(Reflect, {
  defineMetadata(key: unknown, value: unknown, target: object) {
    const own = metadata.get(target) ?? new Map<unknown, unknown>()
    metadata.set(target, own.set(key, value))
  },
  getOwnMetadata: (key: unknown, target: object) => metadata.get(target)?.get(key),
  getMetadata: (key: unknown, target: object) => metadata.get(target)?.get(key),
})
