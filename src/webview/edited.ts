import type { Draft, Edited } from '../http/inspectorMessages'

/** What is sent back of a draft: values that are masked still are those of the original. */
export function editedOf({ of, method, target, fields, body, resign }: Draft): Edited {
  return {
    ...{ of, method: method.trim(), target: target.trim(), resign },
    fields: fields
      .filter(({ name }) => name.trim() !== '')
      .map(({ name, value, isMasked, ofField }) => ({
        name: name.trim(),
        value: isMasked && ofField !== undefined ? { ofField } : value,
      })),
    body: body.as === 'unchanged' ? { as: 'unchanged' } : body,
  }
}
