/**
 * `@peculiar/x509` 2 builds its parts with tsyringe, which will not load before `Reflect.getMetadata` exists, and
 * while it loads asks for metadata that none of its classes has. The usual polyfill would stay in the extension host,
 * which other extensions share; half a polyfill of ours would keep theirs from working. So functions that know
 * nothing stand there from the import of this module until `takeBack`, and nobody else runs in between.
 */
export function takeBack(): void {
  for (const name of lent) Reflect.deleteProperty(Reflect, name)
}

const lent = ['getMetadata', 'getOwnMetadata', 'defineMetadata'].filter((name) => !(name in Reflect))

for (const name of lent) Reflect.set(Reflect, name, () => undefined)
