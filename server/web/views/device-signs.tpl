<svg class="sprite" aria-hidden="true">
<symbol id="s-told" viewBox="0 0 16 16"><path d="M2.5 4h11v8h-11zM2.8 4.4L8 8.6l5.2-4.2"/></symbol>
<symbol id="s-fetch" viewBox="0 0 16 16"><path d="M8 2.5v8M4.6 7.4L8 10.8l3.4-3.4M3 13.5h10"/></symbol>
<symbol id="s-wait" viewBox="0 0 16 16"><path d="M8 4.2v4l2.6 1.6"/><circle cx="8" cy="8" r="6"/></symbol>
<symbol id="s-yes" viewBox="0 0 16 16"><path d="M3 8.6l3.2 3.2L13 4.6"/></symbol>
<symbol id="s-no" viewBox="0 0 16 16"><path d="M4 4l8 8M12 4l-8 8"/></symbol>
<symbol id="s-silent" viewBox="0 0 16 16"><path d="M8 3v6.2M8 12.6v.2"/></symbol>
<symbol id="s-pause" viewBox="0 0 16 16"><path d="M5.5 3.5v9M10.5 3.5v9"/></symbol>
<symbol id="s-none" viewBox="0 0 16 16"><path d="M4 8h8"/></symbol>
</svg>
