/** The query parameter that carries a link's token, once; then a cookie does, whose name begins with it. */
export const linkParameter = 'expose-port-link'
