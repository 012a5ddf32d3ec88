/** Changes environment variables, undefined taking one away; the result puts them back as they were. */
export function setEnvironment(changes: Readonly<Record<string, string | undefined>>): () => void {
  const before = Object.fromEntries(Object.keys(changes).map((name) => [name, process.env[name]]))
  put(changes)
  return () => put(before)
}

function put(variables: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(variables)) {
    if (value === undefined) Reflect.deleteProperty(process.env, name)
    else process.env[name] = value
  }
}
