/** A line of the file in which a suite inside the extension host writes down what happened. */
export type SuiteRecord =
  | { readonly kind: 'passed'; readonly title: string }
  | { readonly kind: 'failed'; readonly title: string; readonly message: string }
  | { readonly kind: 'end'; readonly passed: number; readonly failed: number }

/** The environment variable that names the file. */
export const resultsVariable = 'EXPOSE_PORT_TEST_RESULTS'
