/*  pages -- the files of the dashboard and the description of the api as bytes of the program, so that
 *  none of these differs from another.
 */
    .macro page symbol, file
    .global page_\symbol, page_\symbol\()_end
page_\symbol:
    .incbin "actors/api/pages/\file"
page_\symbol\()_end:
    .endm

    .section .rodata
    page index, index.html
    page theme, theme.js
    page app, app.js
    page dom, dom.js
    page words, words.js
    page feed, feed.js
    page model, model.js
    page frame, frame.js
    page parts, parts.js
    page markets, markets.js
    page table, table.js
    page series, series.js
    page alerts, alerts.js
    page rules, rules.js
    page status, status.js
    page style, style.css
    page icon, icon.svg
    page openapi, openapi.json
    .section .note.GNU-stack, "", @progbits
