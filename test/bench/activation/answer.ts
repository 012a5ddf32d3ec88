/** The environment variable that names the file for what was measured. */
export const answerVariable = 'EXPOSE_PORT_BENCH_ANSWER'
